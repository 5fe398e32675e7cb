// Go's side of the runtime benchmarks: each row measured as tests/bench/runtime_micro measures it.
//
//	peer THREADS ROW     prints "ROW VALUE" lines, in the row's unit
//	peer echo            serves TCP echo on one thread, prints its port
//	peer limits          the cost of finding and of following the CPU limit (limits.go)
//	peer follow          follows it
//	peer rows            names the rows
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// A row's function measures once and returns its values; repeated ones are run once more, unseen,
// to warm up.
type row struct {
	names  []string
	runs   int
	once   func() []float64
	from   int // the fewest threads it makes sense with
	warmUp bool
}

var threads int

// On one thread CPU time, which other programs cannot stretch; on more the wall's.
func now() float64 {
	if threads > 1 {
		return wall()
	}
	var t syscall.Timespec
	const processCPU = 2 // CLOCK_PROCESS_CPUTIME_ID
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, processCPU, uintptr(unsafe.Pointer(&t)), 0)
	return float64(t.Nano())
}

var start = time.Now()

func wall() float64 { return float64(time.Since(start)) }

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

// The time of an operation, of which act does count.
func perOperation(count int, act func()) []float64 {
	begin := now()
	act()
	return []float64{(now() - begin) / float64(count)}
}

func resident() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		panic(err)
	}
	return float64(pages * os.Getpagesize())
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func run(r row) {
	if r.warmUp {
		r.once()
	}
	columns := make([][]float64, len(r.names))
	for i := 0; i < r.runs; i++ {
		for column, value := range r.once() {
			columns[column] = append(columns[column], value)
		}
	}
	for column, name := range r.names {
		fmt.Printf("%s %g\n", name, median(columns[column]))
	}
}

func main() {
	rows := append(append(taskRows, channelRows...), censusRows...)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "echo":
		runtime.GOMAXPROCS(1)
		serveEcho()
	case len(os.Args) == 2 && (os.Args[1] == "limits" || os.Args[1] == "follow"):
		limits(os.Args[1])
	case len(os.Args) == 2 && os.Args[1] == "rows":
		for _, r := range rows {
			fmt.Println(strings.Join(r.names, "\n"))
		}
	case len(os.Args) == 3:
		threads, _ = strconv.Atoi(os.Args[1])
		runtime.GOMAXPROCS(threads)
		for _, r := range rows {
			for _, name := range r.names {
				if name == os.Args[2] && threads >= r.from {
					run(r)
					return
				}
			}
		}
		// A row that Go has no like of prints nothing.
	default:
		fmt.Fprintln(os.Stderr, "usage: peer THREADS ROW | echo | limits | follow | rows")
		os.Exit(2)
	}
}
