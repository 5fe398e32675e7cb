package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const million = 1_000_000

var censusRows = []row{
	{names: []string{"bytes per parked task", "create 1M parked tasks"}, runs: 1, once: parked},
	{names: []string{"bytes per sleeping task"}, runs: 1, once: sleeping},
	{names: []string{"live task count"}, runs: 3, warmUp: true, once: count},
	{names: []string{"statistics snapshot"}, runs: 3, warmUp: true, once: statistics},
	{names: []string{"dump of 1M parked tasks, total", "dump of 1M parked tasks, longest pause of any task"}, runs: 1, once: dump},
	{names: []string{"dump of 10k over HTTP"}, runs: 9, warmUp: true, once: dumpOverHTTP},
	{names: []string{"max_procs 2 to 1 under load", "max_procs 1 to 2 under load"}, runs: 1, from: 2, once: resize},
	{names: []string{"blocking section, enter and leave"}, runs: 3, warmUp: true, once: blocking},
	// The sender needs a processor of its own: Go has no outside threads without C.
	{names: []string{"wake of a parked thread, p50", "wake of a parked thread, p99"}, runs: 1, from: 2, once: func() []float64 { return wakes(200 * time.Microsecond) }},
	{names: []string{"wake while a worker spins, p50"}, runs: 1, from: 2, once: func() []float64 { return wakes(0)[:1] }},
}

// Parks count goroutines; the function returned ends them.
func park(count int) func() {
	never := make(chan int)
	var ended sync.WaitGroup
	ended.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			<-never
			ended.Done()
		}()
		if i%100 == 99 {
			runtime.Gosched()
		}
	}
	runtime.Gosched()
	return func() {
		close(never)
		ended.Wait()
	}
}

func parked() []float64 {
	before, begin := resident(), now()
	end := park(million)
	seconds := (now() - begin) / 1e9
	bytes := (resident() - before) / million
	end()
	return []float64{bytes, seconds}
}

func sleeping() []float64 {
	before := resident()
	for i := 0; i < million; i++ {
		go time.Sleep(time.Hour)
		if i%100 == 99 {
			runtime.Gosched()
		}
	}
	runtime.Gosched()
	return []float64{(resident() - before) / million}
}

func count() []float64 {
	const times = 10_000_000
	sum := 0
	out := perOperation(times, func() {
		for i := 0; i < times; i++ {
			sum += runtime.NumGoroutine()
		}
	})
	if sum < times {
		panic("no goroutine is counted")
	}
	return out
}

func statistics() []float64 {
	const times = 2_000
	var stats runtime.MemStats
	return perOperation(times*1000, func() { // in us
		for i := 0; i < times; i++ {
			runtime.ReadMemStats(&stats)
		}
	})
}

// The stop of the world leaves all CPU time to the dump. Meanwhile a goroutine that could always run
// looks for the longest time it did not.
func dump() []float64 {
	end := park(million)
	text := make([]byte, 512<<20)
	var over atomic.Bool
	begun, longest := make(chan bool), make(chan float64)
	go func() {
		last, most := wall(), 0.0
		close(begun)
		for !over.Load() {
			runtime.Gosched()
			at := wall()
			if at-last > most {
				most = at - last
			}
			last = at
		}
		longest <- most
	}()
	<-begun
	begin := now()
	if runtime.Stack(text, true) == len(text) {
		panic("the dump did not fit")
	}
	took := now() - begin
	over.Store(true)
	pause := <-longest
	end()
	return []float64{took / 1e6, pause / 1e3}
}

// The server is this process too, as it is with ours.
func dumpOverHTTP() []float64 {
	end := park(10_000)
	defer end()
	server := httptest.NewServer(pprof.Handler("goroutine"))
	defer server.Close()
	begin := wall()
	answer, err := http.Get(server.URL + "/?debug=2")
	if err != nil {
		panic(err)
	}
	bytes, err := io.Copy(io.Discard, answer.Body)
	if err != nil || bytes < 100*10_000 {
		panic("a part of the dump is missing")
	}
	return []float64{(wall() - begin) / 1e6}
}

// GOMAXPROCS stops the world, changes the number and returns.
func resize() []float64 {
	var over atomic.Bool
	var joined sync.WaitGroup
	for i := 0; i < 64; i++ {
		joined.Add(1)
		go func() {
			for !over.Load() {
				runtime.Gosched()
			}
			joined.Done()
		}()
	}
	var fewer, more []float64
	for i := 0; i < 50; i++ {
		begin := wall()
		runtime.GOMAXPROCS(1)
		fewer = append(fewer, (wall()-begin)/1e3)
		time.Sleep(2 * time.Millisecond)
		begin = wall()
		runtime.GOMAXPROCS(2)
		more = append(more, (wall()-begin)/1e3)
		time.Sleep(2 * time.Millisecond)
	}
	over.Store(true)
	joined.Wait()
	return []float64{median(fewer), median(more)}
}

// What telling the scheduler of a system call adds to the bare one.
func blocking() []float64 {
	const times = 500_000
	told := perOperation(times, func() {
		for i := 0; i < times; i++ {
			syscall.Syscall(syscall.SYS_GETPPID, 0, 0, 0)
		}
	})
	bare := perOperation(times, func() {
		for i := 0; i < times; i++ {
			syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
		}
	})
	return []float64{told[0] - bare[0]}
}

// An outside thread sends to a goroutine that has waited for the time of pause, and then stays busy
// for a while, so that the woken one starts elsewhere. Without a pause: 5 us after it went to wait.
func wakes(pause time.Duration) []float64 {
	const times = 2000
	channel := make(chan float64, 1)
	var heard atomic.Int64
	go func() {
		runtime.LockOSThread()
		for i := int64(0); i < times; i++ {
			for heard.Load() < i {
			}
			if pause > 0 {
				wait := syscall.NsecToTimespec(int64(pause))
				syscall.Nanosleep(&wait, nil)
			} else {
				spin(5e3)
			}
			channel <- wall()
			spin(100e3)
		}
		close(channel)
	}()
	var took []float64
	for sent := range channel {
		took = append(took, (wall()-sent)/1e3)
		heard.Add(1)
	}
	sort.Float64s(took)
	return []float64{took[len(took)/2], took[len(took)*99/100]}
}

func spin(ns float64) {
	for begin := wall(); wall()-begin < ns; {
	}
}
