// What Go made of its environment: processors and the soft memory limit.
package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

func main() {
	fmt.Println(runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1))
}
