package launch

import (
	"bytes"
	"io"
	"os"
	"slices"
	"time"

	"github.com/hotreload/hotreload/runner"
)

// minUptime is how long a program must live to count as live when nothing says that it is
// ready. We rejected counting it as live from its start: a worker that panicked 100 ms later
// had been reported as live, and with start-first it had ended the good one.
const minUptime = 300 * time.Millisecond

// listenGrace is how long the first start of a program of which nothing is known is given
// to listen, before it counts as started though it may be no server.
const listenGrace = 500 * time.Millisecond

// maxListen is the same for a program that could listen, where ready_timeout sets no limit.
const maxListen = 10 * time.Second

// readiness is when the program counts as live. Without a setting, a server is ready when
// it listens, and everything else when it has lived for a moment. Which one it is, its
// predecessor has shown, or what is linked into it.
func (p *Program) readiness(binary string) runner.Ready {
	r := p.conf.Load().Run
	if c := r.Ready; !c.IsZero() { // a job has none of these: the plan learns of its end anyway
		return runner.Ready{TCP: c.TCP, HTTP: c.HTTP, Log: c.Log, Notify: c.Notify, After: c.After, Timeout: r.ReadyTimeout}
	}
	timeout := r.ReadyTimeout
	if timeout == 0 { // no limit, but for finding out that it is no server
		timeout = maxListen
	}
	p.mu.Lock()
	server := p.server
	p.mu.Unlock()
	switch server {
	case yes:
		return runner.Ready{Listen: true, Timeout: timeout}
	case unknown:
		switch canListen(binary) {
		case unknown:
			return runner.Ready{Listen: true, Grace: listenGrace}
		case yes:
			// Migrations may come first. A program that is no server, because of its arguments,
			// is late for once.
			return runner.Ready{Listen: true, Grace: timeout}
		}
	}
	return runner.Ready{After: minUptime}
}

// noLonger reports whether a program that is late to listen, as it did before, is no server
// any more, and forgets that it was. It is asked late, because most servers listen soon, and one that
// panics on its way there may be unable to listen, too.
func (p *Program) noLonger(r runner.Ready, binary string) bool {
	if !r.Listen || canListen(binary) != no {
		return false
	}
	p.learnServer(unknown)
	return true
}

// learn notes whether the program, which is ready, is a server. One that could not listen has
// shown nothing: the next one may.
func (p *Program) learn(process *runner.Process, r runner.Ready) {
	switch {
	case process.Listens():
		p.learnServer(yes)
	case r.Listen && r.Grace > 0:
		p.learnServer(no)
	}
}

// canListen reports whether a Go program could listen on a TCP or Unix socket: the linker
// leaves the function out of those that do not call it, and its name in the table that
// stack traces need, which is there even without symbols. Unknown: it is no Go program.
func canListen(binary string) triState {
	f, err := os.Open(binary)
	if err != nil {
		return unknown
	}
	defer f.Close()
	found, err := contains(f, []byte("net.(*sysListener).listen"), []byte("runtime.goexit"))
	switch {
	case err != nil || !found[1]:
		return unknown
	case found[0]:
		return yes
	}
	return no
}

// contains reports for each word whether it occurs in what is read.
func contains(r io.Reader, words ...[]byte) ([]bool, error) {
	found := make([]bool, len(words))
	longest := 0
	for _, w := range words {
		longest = max(longest, len(w))
	}
	buf := make([]byte, 0, 256<<10)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for i, w := range words {
			found[i] = found[i] || bytes.Contains(buf, w)
		}
		if err == io.EOF || !slices.Contains(found, false) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
		if rest := len(buf) - longest; rest > 0 {
			buf = buf[:copy(buf[:cap(buf)], buf[rest:])]
		}
	}
}
