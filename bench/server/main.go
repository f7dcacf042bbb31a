// Command server is the program that the bench lets every tool restart where
// the build must cost nothing: it answers with its process id. It takes a
// listening socket as LISTEN_FDS (systemd's protocol) if it is given one.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
)

func main() {
	l, err := listener()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "server - %d\n", os.Getpid())
	})
	log.Fatal(http.Serve(l, nil))
}

func listener() (net.Listener, error) {
	if os.Getenv("LISTEN_FDS") != "" && os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		return net.FileListener(os.NewFile(3, "LISTEN_FD_3")) // the first one, as sd_listen_fds(3) says
	}
	addr := os.Getenv("BENCH_ADDR")
	if port := os.Getenv("PORT"); port != "" { // a proxy in front has chosen it
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	return net.Listen("tcp", addr)
}
