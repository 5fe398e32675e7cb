package main

import (
	"math/rand"
	"runtime"
	"sync"
	"time"
)

var taskRows = []row{
	{names: []string{"spawn and join, batches of 100"}, runs: 3, warmUp: true, once: batches},
	{names: []string{"spawn one, await it"}, runs: 3, warmUp: true, once: spawnAwait},
	{names: []string{"spawn 1M, then join all, a task"}, runs: 1, warmUp: true, once: flat},
	{names: []string{"fork-join fib, a fork"}, runs: 3, warmUp: true, once: forkJoin},
	{names: []string{"skynet 1M"}, runs: 1, warmUp: true, once: skynet},
	{names: []string{"yield, a switch"}, runs: 3, warmUp: true, once: yields},
	{names: []string{"1M random sleeps over 1 s, CPU", "1M random sleeps over 1 s, wall"}, runs: 1, once: naps},
}

func batches() []float64 {
	const count = 200_000
	return perOperation(count, func() {
		var joined sync.WaitGroup
		for batch := 0; batch < count/100; batch++ {
			joined.Add(100)
			for i := 0; i < 100; i++ {
				go joined.Done()
			}
			joined.Wait()
		}
	})
}

func spawnAwait() []float64 {
	const count = 200_000
	return perOperation(count, func() {
		var joined sync.WaitGroup
		for i := 0; i < count; i++ {
			joined.Add(1)
			go joined.Done()
			joined.Wait()
		}
	})
}

func flat() []float64 {
	const count = 1_000_000
	return perOperation(count, func() {
		var joined sync.WaitGroup
		joined.Add(count)
		for i := 0; i < count; i++ {
			go joined.Done()
		}
		joined.Wait()
	})
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var other int
	var joined sync.WaitGroup
	joined.Add(1)
	go func() {
		other = fib(n - 1)
		joined.Done()
	}()
	mine := fib(n - 2)
	joined.Wait()
	return mine + other
}

func forkJoin() []float64 {
	return perOperation(317_810, func() { // the forks of fib(27)
		if fib(27) != 196418 {
			panic("wrong fib")
		}
	})
}

func sky(out chan<- int, base, size int) {
	if size == 1 {
		out <- base
		return
	}
	parts := make(chan int)
	for i := 0; i < 10; i++ {
		go sky(parts, base+i*(size/10), size/10)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-parts
	}
	out <- sum
}

func skynet() []float64 {
	return perOperation(1_000_000, func() { // ns over 1M: ms
		out := make(chan int)
		go sky(out, 0, 1_000_000)
		if <-out != 499999500000 {
			panic("wrong sum")
		}
	})
}

func yields() []float64 {
	const count = 1_000_000
	return perOperation(count, func() {
		var joined sync.WaitGroup
		joined.Add(2)
		for task := 0; task < 2; task++ {
			go func() {
				for i := 0; i < count/2; i++ {
					runtime.Gosched()
				}
				joined.Done()
			}()
		}
		joined.Wait()
	})
}

func naps() []float64 {
	const count = 1_000_000
	random := rand.New(rand.NewSource(12345))
	beginWall, beginCPU := wall(), cpu()
	var joined sync.WaitGroup
	joined.Add(count)
	for i := 0; i < count; i++ {
		delay := time.Duration(random.Int63n(int64(time.Second)))
		go func() {
			time.Sleep(delay)
			joined.Done()
		}()
	}
	joined.Wait()
	return []float64{(cpu() - beginCPU) / 1e9, (wall() - beginWall) / 1e9}
}
