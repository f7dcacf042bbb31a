package runner

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

func init() {
	modes["spam"] = modeSpam
	modes["serve"] = modeServe
}

func TestOutput(t *testing.T) {
	p := start(t, self("says", `OUT=a\r\nb`, `ERR=\x00\xff\x1b[31m`, "CODE=3")) // fault 66, 67
	e := p.exit()
	if e.Code != 3 || e.Signal != 0 || e.Asked || e.Reason != "exit code 3" || e.Panic != nil {
		t.Errorf("%+v", e)
	}
	p.gone()
	if p.out.String() != "a\r\nb" || p.err.String() != "\x00\xff\x1b[31m" {
		t.Errorf("%q %q", p.out, p.err)
	}
	if err := p.ready(); err != nil {
		t.Error(err)
	}
}

// modeSpam writes SIZE bytes that only depend on their position, and no newline unless LINES.
func modeSpam() int {
	size, _ := strconv.Atoi(os.Getenv("SIZE"))
	if size < 0 {
		size = 1 << 60
	}
	buf := make([]byte, 1<<20)
	for i := range buf {
		buf[i] = byte(i*7 + i>>8)
		if buf[i] == '\n' && os.Getenv("LINES") == "" {
			buf[i] = 'n'
		}
	}
	for size > 0 {
		n, err := os.Stdout.Write(buf[:min(size, len(buf))])
		if err != nil {
			return 1
		}
		size -= n
	}
	return 0
}

// R10, fault 64, 65, 66: as fast as it goes, unchanged, memory flat, with and without
// newlines, and with a line matcher on it.
func TestFlood(t *testing.T) {
	size := 300 << 20
	if testing.Short() {
		size = 50 << 20
	}
	for _, lines := range []string{"", "1"} {
		want := sha256.New()
		func() {
			buf := make([]byte, 1<<20)
			for i := range buf {
				buf[i] = byte(i*7 + i>>8)
				if buf[i] == '\n' && lines == "" {
					buf[i] = 'n'
				}
			}
			for range size >> 20 {
				want.Write(buf)
			}
		}()
		got := sha256.New()
		var most uint64
		total := 0
		s := self("spam", "SIZE="+strconv.Itoa(size), "LINES="+lines)
		s.Stdout.Write = func(p []byte) {
			got.Write(p)
			if total += len(p); total>>24 != (total-len(p))>>24 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		s.Ready.Log = regexp.MustCompile("never matches anything at all")
		p := start(t, s)
		if e := p.exit(); e.Code != 0 {
			t.Fatalf("%+v", e)
		}
		p.gone()
		if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Error("bytes changed")
		}
		if most > 64<<20 {
			t.Errorf("%d MB of memory", most>>20)
		}
	}
}

// Back-pressure: a slow reader slows the program, nothing is kept.
func TestBackPressure(t *testing.T) {
	release := make(chan struct{})
	got := 0
	s := self("spam", "SIZE=10000000")
	s.Stdout.Write = func(p []byte) {
		<-release
		got += len(p)
	}
	p := start(t, s)
	select {
	case e := <-p.Exited():
		t.Fatalf("ended although nothing was read: %+v", e)
	case <-time.After(100 * time.Millisecond): // proves nothing if it passes, but cannot fail wrongly
	}
	close(release)
	p.exit()
	p.gone()
	if got != 10000000 {
		t.Error(got)
	}
}

// modeServe listens on ADDR and answers each connection; with DELAY it takes its time on
// SIGTERM.
func modeServe() int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt) // on Windows, CTRL_BREAK is an interrupt
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "hello\n")
			c.Close()
		}
	}()
	<-term
	d, _ := time.ParseDuration(os.Getenv("DELAY"))
	time.Sleep(d)
	return 0
}

// R2, R6, fault 52: a fixed port, restarted again and again, never in use.
func TestFixedPort(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 20
	}
	addr := testkit.Address(t)
	for i := range n {
		var s Spec
		if i%3 > 0 && runtime.GOOS == "windows" {
			continue // there is no sh
		}
		switch i % 3 {
		case 0:
			s = self("serve", "ADDR="+addr, "DELAY=20ms")
		case 1: // the leader dies before the server
			s = self("serve", "ADDR="+addr, "DELAY=20ms")
			exe, _ := os.Executable()
			s.Path, s.Args = "/bin/sh", []string{"sh", "-c", `"$0"; true`, exe}
		case 2: // in a session of its own
			if runtime.GOOS != "linux" {
				continue // it would not be found
			}
			s = self("serve", "ADDR="+addr)
			exe, _ := os.Executable()
			s.Path, s.Args = "/bin/sh", []string{"sh", "-c", `(setsid "$0" &); exec sleep 1000`, exe}
		}
		s.Ready = Ready{TCP: addr, Timeout: patience}
		p := start(t, s)
		if err := p.ready(); err != nil {
			t.Fatal(i, err, p.out)
		}
		p.Stop()
		p.gone()
		if out := p.out.String(); strings.Contains(out, "in use") {
			t.Fatal(i, out)
		}
	}
}

// R10: whoever takes the output may be slow, as a busy machine is: nothing of it is lost at the end.
func TestSlowReader(t *testing.T) {
	const size = 128 << 10
	s := self("spam", "SIZE="+strconv.Itoa(size))
	got := 0
	s.Stdout.Write = func(p []byte) {
		time.Sleep(300 * time.Millisecond) // the pause is the subject
		got += len(p)
	}
	p := start(t, s)
	p.exit()
	p.gone()
	if got != size {
		t.Errorf("%d bytes of %d", got, size)
	}
}
