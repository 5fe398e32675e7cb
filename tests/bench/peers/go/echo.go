package main

import (
	"fmt"
	"net"
)

func serveEcho() {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer connection.Close()
			var room [4096]byte
			for {
				bytes, err := connection.Read(room[:])
				if err != nil {
					return
				}
				if _, err := connection.Write(room[:bytes]); err != nil {
					return
				}
			}
		}()
	}
}
