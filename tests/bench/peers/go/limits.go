package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// The CPU limit as Go 1.25's runtime reads it (internal/runtime/cgroup): the own group alone, its
// files kept open, read again at most once a second. Debian's Go has nothing of it.
type cpuLimit struct {
	files [2]*os.File // v1: quota and period; v2: cpu.max
	v2    bool
}

func findCPULimit() (*cpuLimit, error) {
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	own, unified := "", ""
	for _, line := range strings.Split(string(membership), "\n") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 {
			continue
		}
		if fields[0] == "0" {
			unified = fields[2]
		}
		for _, controller := range strings.Split(fields[1], ",") {
			if controller == "cpu" {
				own = fields[2]
			}
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	v2 := own == ""
	for _, line := range strings.Split(string(mounts), "\n") {
		before, after, found := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 5 || len(right) < 3 {
			continue
		}
		if v2 && right[0] == "cgroup2" {
			file, err := os.Open(path.Join(left[4], unified, "cpu.max"))
			return &cpuLimit{files: [2]*os.File{file}, v2: true}, err
		}
		if !v2 && right[0] == "cgroup" && strings.Contains(","+right[2]+",", ",cpu,") {
			group := path.Join(left[4], own)
			quota, err := os.Open(path.Join(group, "cpu.cfs_quota_us"))
			if err != nil {
				return nil, err
			}
			period, err := os.Open(path.Join(group, "cpu.cfs_period_us"))
			return &cpuLimit{files: [2]*os.File{quota, period}}, err
		}
	}
	return nil, os.ErrNotExist
}

func (l *cpuLimit) close() {
	for _, file := range l.files {
		if file != nil {
			file.Close()
		}
	}
}

func readNumber(file *os.File, buffer []byte) (float64, error) {
	n, err := file.ReadAt(buffer, 0)
	if n == 0 {
		return 0, err
	}
	return strconv.ParseFloat(string(bytes.TrimSpace(buffer[:n])), 64)
}

// Processors by the quota, rounded up, at least 2 where there are that many, as Go does.
func (l *cpuLimit) processors(buffer []byte) int {
	most := runtime.NumCPU()
	quota, period := -1.0, 1.0
	if l.v2 {
		n, _ := l.files[0].ReadAt(buffer, 0)
		if fields := bytes.Fields(buffer[:n]); len(fields) == 2 && string(fields[0]) != "max" {
			quota, _ = strconv.ParseFloat(string(fields[0]), 64)
			period, _ = strconv.ParseFloat(string(fields[1]), 64)
		}
	} else {
		quota, _ = readNumber(l.files[0], buffer)
		period, _ = readNumber(l.files[1], buffer)
	}
	if quota <= 0 || period <= 0 {
		return most
	}
	return int(math.Min(float64(most), math.Max(1, math.Ceil(quota/period))))
}

func medianMicroseconds(runs int, act func()) float64 {
	took := make([]float64, runs)
	for i := range took {
		begin := time.Now()
		act()
		took[i] = float64(time.Since(begin).Nanoseconds()) / 1000
	}
	sort.Float64s(took)
	return took[runs/2]
}

// The clock that other processes have too.
func monotonic() int64 {
	var t syscall.Timespec
	const clock = 1 // CLOCK_MONOTONIC
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// "limits": prints what a discovery and a tick cost. "follow": once a second, and prints each
// change of the processors with its time.
func limits(command string) {
	limit, err := findCPULimit()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot find the CPU limit:", err)
		os.Exit(1)
	}
	buffer := make([]byte, 128)
	if command == "limits" {
		fmt.Println("discovery", medianMicroseconds(1000, func() {
			if again, err := findCPULimit(); err == nil {
				again.processors(buffer)
				again.close()
			}
		}))
		fmt.Println("tick", medianMicroseconds(2000, func() { limit.processors(buffer) }))
		return
	}
	for now := 0; ; time.Sleep(time.Second) {
		if seen := limit.processors(buffer); seen != now {
			runtime.GOMAXPROCS(seen)
			fmt.Println(seen, monotonic())
			now = seen
		}
	}
}
