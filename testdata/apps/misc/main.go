// Command misc misbehaves on demand. The first argument says how:
//
//	ignore-term        ignores SIGTERM, SIGINT and SIGHUP, for ever
//	slow-stop DUR      at SIGTERM says "stopping", ends DUR later with "stopped"
//	count-signals      says "signal NAME N" for each signal; ends 200 ms after the first SIGTERM or SIGINT (to see a second)
//	exit N             ends with code N at once
//	crash-after DUR    ends with code 3 after DUR
//	panic [TEXT]       panics, two calls deep
//	panic-after DUR    panics after DUR
//	spam [BYTES]       writes lines as fast as it can, for ever or until BYTES are written
//	noeol              writes "no newline at the end" and stays until SIGTERM
//	fork-daemon        starts a copy of itself in a session of its own, says its pid, stays until SIGTERM (unix)
//	fork-child         starts a copy of itself in the same group that ignores SIGTERM, says its pid, ends at once
//	tty                says whether stdin, stdout and stderr are terminals, and their sizes (Linux, macOS)
//	repl               answers each line of stdin with "> LINE"; "quit" or the end of input ends it
//
// Every mode says "ready MODE pid=N" first. It uses the standard library only.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const Version = "1"

func main() {
	args := append(os.Args[1:], "", "")
	mode, arg := args[0], args[1]
	if mode == "" {
		mode = "wait"
	}
	// Handlers first: whoever reads "ready" may send a signal.
	signals := make(chan os.Signal, 16)
	switch mode {
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	case "count-signals":
		signal.Notify(signals)
	case "slow-stop", "noeol", "fork-daemon", "wait", "daemon":
		signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	}
	fmt.Printf("ready %s pid=%d version=%s\n", mode, os.Getpid(), Version)

	switch mode {
	case "wait":
		<-signals
	case "ignore-term":
		for {
			time.Sleep(time.Hour)
		}
	case "daemon": // what fork-daemon and fork-child start
		if arg == "ignore" {
			signal.Ignore(syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
			for {
				time.Sleep(time.Hour)
			}
		}
		<-signals
	case "slow-stop":
		<-signals
		fmt.Println("stopping")
		time.Sleep(duration(arg))
		fmt.Println("stopped")
	case "count-signals":
		countSignals(signals)
	case "exit":
		os.Exit(number(arg))
	case "crash-after":
		time.Sleep(duration(arg))
		fmt.Fprintln(os.Stderr, "misc: crashed as asked")
		os.Exit(3)
	case "panic":
		if arg == "" {
			arg = "as asked"
		}
		outer(arg)
	case "panic-after":
		time.Sleep(duration(arg))
		outer("as asked")
	case "spam":
		spam(arg)
	case "noeol":
		fmt.Print("no newline at the end")
		<-signals
	case "fork-daemon":
		fork(ownSession(), "daemon")
		<-signals
	case "fork-child":
		fork(nil, "daemon", "ignore")
	case "tty":
		describeTerminals()
	case "repl":
		for in := bufio.NewScanner(os.Stdin); in.Scan() && in.Text() != "quit"; {
			fmt.Println(">", in.Text())
		}
		fmt.Println("bye")
	default:
		fmt.Fprintf(os.Stderr, "misc: no mode %q\n", mode)
		os.Exit(2)
	}
}

func countSignals(signals <-chan os.Signal) {
	counts := make(map[os.Signal]int)
	var end <-chan time.Time
	for {
		select {
		case s := <-signals:
			if s == sigurg { // the runtime's own, for preemption
				continue
			}
			counts[s]++
			fmt.Printf("signal %v %d\n", s, counts[s])
			if end == nil && (s == syscall.SIGTERM || s == os.Interrupt) {
				end = time.After(200 * time.Millisecond)
			}
		case <-end:
			return
		}
	}
}

func spam(limit string) {
	line := make([]byte, 64<<10)
	for i := range line {
		line[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[i%36]
		if i%128 == 127 {
			line[i] = '\n'
		}
	}
	left := int64(-1)
	if limit != "" {
		left = int64(number(limit))
	}
	for left != 0 {
		if left > 0 && int64(len(line)) > left {
			line = line[:left]
		}
		n, err := os.Stdout.Write(line)
		if err != nil {
			os.Exit(1)
		}
		if left > 0 {
			left -= int64(n)
		}
	}
}

// fork starts this program again; the copy keeps the output open, which is the point.
func fork(attr *syscall.SysProcAttr, args ...string) {
	self, err := os.Executable()
	if err == nil {
		c := exec.Command(self, args...)
		c.Stdout, c.Stderr, c.SysProcAttr = os.Stdout, os.Stderr, attr
		if err = c.Start(); err == nil {
			fmt.Printf("forked pid=%d\n", c.Process.Pid)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "misc:", err)
		os.Exit(1)
	}
}

//go:noinline
func outer(text string) { inner(text) }

//go:noinline
func inner(text string) { panic(text) }

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "misc:", err)
		os.Exit(2)
	}
	return d
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "misc:", err)
		os.Exit(2)
	}
	return n
}
