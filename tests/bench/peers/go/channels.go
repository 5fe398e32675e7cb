package main

import "sync"

var channelRows = []row{
	{names: []string{"rendezvous channel, a round trip"}, runs: 3, warmUp: true, once: roundTrips},
	{names: []string{"rendezvous channel, a message"}, runs: 3, warmUp: true, once: func() []float64 { return messages(0) }},
	{names: []string{"buffered(128) channel, a message"}, runs: 3, warmUp: true, once: func() []float64 { return messages(128) }},
	{names: []string{"select over two"}, runs: 3, warmUp: true, once: selects},
	{names: []string{"mutex, two tasks"}, runs: 3, warmUp: true, once: locks},
}

func roundTrips() []float64 {
	const count = 200_000
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	defer close(there)
	return perOperation(count, func() {
		for i := 0; i < count; i++ {
			there <- i
			<-back
		}
	})
}

func messages(capacity int) []float64 {
	const count = 500_000
	channel := make(chan int, capacity)
	return perOperation(count, func() {
		go func() {
			for i := 0; i < count; i++ {
				channel <- i
			}
			close(channel)
		}()
		sum := 0
		for value := range channel {
			sum += value
		}
		if sum != count/2*(count-1) {
			panic("lost a message")
		}
	})
}

func selects() []float64 {
	const count = 500_000
	even, odd := make(chan int, 128), make(chan int, 128)
	return perOperation(count, func() {
		go func() {
			for i := 0; i < count; i += 2 {
				even <- i
				odd <- i + 1
			}
		}()
		sum := 0
		for i := 0; i < count; i++ {
			select {
			case value := <-even:
				sum += value
			case value := <-odd:
				sum += value
			}
		}
		if sum != count/2*(count-1) {
			panic("lost a message")
		}
	})
}

func locks() []float64 {
	const count = 1_000_000
	var mutex sync.Mutex
	var joined sync.WaitGroup
	guarded := 0
	joined.Add(2)
	out := perOperation(count, func() {
		for task := 0; task < 2; task++ {
			go func() {
				for i := 0; i < count/2; i++ {
					mutex.Lock()
					guarded++
					mutex.Unlock()
				}
				joined.Done()
			}()
		}
		joined.Wait()
	})
	if guarded != count {
		panic("the mutex excludes nobody")
	}
	return out
}
