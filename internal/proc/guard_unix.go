//go:build unix

package proc

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

// Guard is a process that ends the groups of this process, and removes its temporary
// directories, if this process ends without having done so: by kill -9, by the
// out-of-memory killer, by a crash of the runtime.
//
// It knows them through a pipe, one line per start and end, and acts when the pipe is
// closed, which the kernel does in every case. It has its own terminal session, so
// that no terminal reaches it. See GuardModes for what it does for the terminal.
type Guard struct {
	remove   []string
	replaced chan struct{}
	done     chan struct{}

	// Guarded by registry.mu. pipe is nil while the guard is being replaced.
	pipe    *os.File
	pid     int
	closing bool
	closed  chan struct{}
}

// guardGrace is the time between SIGTERM and SIGKILL.
const guardGrace = 300 * time.Millisecond

// StartGuard starts a guard that knows every group there is and every group to come. It
// removes the given directories at the end, when all groups are gone.
func StartGuard(remove ...string) (*Guard, error) {
	gd := &Guard{
		remove:   remove,
		replaced: make(chan struct{}, 1),
		done:     make(chan struct{}),
		closed:   make(chan struct{}),
	}
	if err := gd.spawn(); err != nil {
		return nil, fmt.Errorf("starting the guard process: %w", err)
	}
	go gd.keep()
	return gd, nil
}

// spawn starts the guard process and sends it all that is registered.
func (gd *Guard) spawn() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		w.Close()
		return err
	}
	defer null.Close()

	registry.spawn.Lock()
	defer registry.spawn.Unlock()
	argv := append([]string{"hotreload", verbGuard}, gd.remove...)
	files := []uintptr{r.Fd(), null.Fd(), null.Fd()}
	registry.mu.Lock()
	if registry.tty != nil {
		if fd, err := descriptor(registry.tty); err == nil {
			files = append(files, fd) // guardTTY
		}
	}
	registry.mu.Unlock()
	path, err := selfPath()
	var pid int
	if err == nil {
		pid, _, err = syscall.StartProcess(path, argv, &syscall.ProcAttr{
			Dir:   "/",
			Env:   []string{}, // none of ours: the marker of a hotreload around us would make it a stray
			Files: files,
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
	}
	if err != nil {
		w.Close()
		return err
	}

	registry.mu.Lock()
	defer registry.mu.Unlock()
	gd.pipe, gd.pid = w, pid
	if registry.guards == nil {
		registry.guards = make(map[*Guard]struct{})
	}
	registry.guards[gd] = struct{}{}
	for pid, g := range registry.groups {
		gd.tell(record{op: '+', pid: pid, text: g.os.nonce})
	}
	for dir := range registry.temps {
		gd.tell(record{op: 'd', text: dir})
	}
	if registry.modes != nil {
		gd.tell(registry.modes.record())
	}
	if gd.closing && gd.pipe != nil {
		gd.pipe.Close()
		gd.pipe = nil
	}
	return nil
}

// tell writes one record. A guard that does not read (stopped, or dead already) is killed;
// keep replaces it and writes everything to the new one. Called with registry.mu held.
func (gd *Guard) tell(r record) {
	if gd.pipe == nil {
		return
	}
	gd.pipe.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := gd.pipe.WriteString(r.String()); err != nil {
		gd.pipe.Close()
		gd.pipe = nil
		if errors.Is(err, os.ErrDeadlineExceeded) { // else it is dead, and perhaps reaped
			syscall.Kill(gd.pid, syscall.SIGKILL)
		}
	}
}

// keep waits for the guard and replaces it: at once if it had lived for a second,
// otherwise with a pause that doubles from 100 ms to 10 s, for something may be killing
// every guard.
func (gd *Guard) keep() {
	defer close(gd.done)
	var pause time.Duration
	for {
		born := time.Now()
		waitFor(gd.pid)
		closing := gd.dropped()
		if time.Since(born) > time.Second {
			pause = 0
		}
		for spawned := false; !spawned; {
			if closing {
				return
			}
			select {
			case <-time.After(pause):
			case <-gd.closed:
				return
			}
			pause = min(max(2*pause, 100*time.Millisecond), 10*time.Second)
			spawned = gd.spawn() == nil
		}
		select {
		case gd.replaced <- struct{}{}:
		default:
		}
	}
}

// dropped notes that the guard process is gone, and says whether that was asked for.
func (gd *Guard) dropped() (closing bool) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if gd.pipe != nil {
		gd.pipe.Close()
		gd.pipe = nil
	}
	delete(registry.guards, gd)
	return gd.closing
}

func waitFor(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// Replaced receives a value after the guard process died and a new one took its place.
// Values that were not read yet are merged.
func (gd *Guard) Replaced() <-chan struct{} { return gd.replaced }

// Close ends the guard and waits for it. What is still registered then is ended and
// removed as if this process had died.
func (gd *Guard) Close() error {
	registry.mu.Lock()
	if !gd.closing {
		gd.closing = true
		close(gd.closed)
	}
	if gd.pipe != nil {
		gd.pipe.Close()
		gd.pipe = nil
	}
	registry.mu.Unlock()
	<-gd.done
	return nil
}

// guardMain is the guard process.
func guardMain(dirs []string) int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGPIPE,
		syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGUSR2)

	debug.FreeOSMemory()
	dropPages()

	groups := map[int]string{} // pgid -> nonce
	var modes *modesRecord
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadString('\n')
		if r, ok := parseRecord(line); ok {
			switch r.op {
			case '+':
				groups[r.pid] = r.text
			case '-':
				delete(groups, r.pid)
			case 'd':
				dirs = append(dirs, r.text)
			case 'x':
				dirs = slices.DeleteFunc(dirs, func(d string) bool { return d == r.text })
			case 't':
				modes = parseModes(r.text)
			}
		}
		if err != nil {
			break
		}
	}
	// At once, before a shell prints its prompt; and again when the program that may have
	// had the terminal cannot change it any more.
	lent := slices.Collect(maps.Keys(groups))
	modes.putBack(lent)
	var session uint64
	nonces := slices.Collect(maps.Values(groups))
	for _, nonce := range nonces {
		session = sessionOf(nonce) // the same for all
	}
	endGroups(groups, func() []process {
		return markedProcesses(session, groups, func(nonce string) bool { return slices.Contains(nonces, nonce) })
	})
	modes.putBack(lent)
	for _, d := range dirs {
		os.RemoveAll(d)
	}
	return 0
}

// endGroups ends the groups and, where they can be found, the daemons that left them, which it names.
func endGroups(groups map[int]string, daemons func() []process) (ended []string) {
	for pgid := range groups {
		syscall.Kill(-pgid, syscall.SIGTERM)
		syscall.Kill(-pgid, syscall.SIGCONT)
	}
	deadline := time.Now().Add(guardGrace)
	var killedAt time.Time // zero: not yet
	signalled := map[int]uint64{}
	for wait := time.Millisecond; ; wait = min(2*wait, 20*time.Millisecond) {
		now := time.Now()
		kill := !now.Before(deadline)
		if kill && killedAt.IsZero() {
			killedAt = now // on a busy machine much later than the deadline
		}
		if kill && now.Sub(killedAt) > afterKill {
			return ended
		}
		left := daemons()
		for pgid := range groups {
			if kill {
				syscall.Kill(-pgid, syscall.SIGKILL)
			}
			if !groupAlive(pgid, true) {
				delete(groups, pgid) // its id may be reused from now on
			}
		}
		for _, p := range left {
			if signalled[p.pid] != p.start {
				signalled[p.pid] = p.start
				ended = append(ended, p.String())
				syscall.Kill(p.pid, syscall.SIGTERM)
				syscall.Kill(p.pid, syscall.SIGCONT)
			}
			if kill {
				syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		if len(groups) == 0 && len(left) == 0 {
			return ended
		}
		time.Sleep(wait)
	}
}
