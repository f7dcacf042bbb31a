package proc

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// subreaper is true when orphaned descendants are re-parented to this process.
var subreaper atomic.Bool

var setupOnce sync.Once

// Setup prepares this process for starting others, once: orphaned descendants are
// re-parented to it and reaped, and descriptors >= 3 that it inherited are not passed on.
// The warnings, one line each, say what this system does not permit.
func Setup() (warnings []string) {
	setupOnce.Do(func() {
		closeInherited()
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			warnings = append(warnings, fmt.Sprintf("orphaned processes of the app will not be reaped by hotreload: prctl(PR_SET_CHILD_SUBREAPER): %v", err))
			return
		}
		subreaper.Store(true)
		if _, ok := procDir.stat(os.Getpid()); !ok {
			warnings = append(warnings, "daemons started by the app cannot be found: /proc is not readable")
			return
		}
		ends := make(chan os.Signal, 1)
		signal.Notify(ends, syscall.SIGCHLD)
		go reapOrphans(ends)
	})
	return warnings
}

func closeInherited() {
	if unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	fds, _ := os.ReadDir("/proc/self/fd") // before Linux 5.11
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= 3 {
			syscall.CloseOnExec(fd)
		}
	}
}

// reapOrphans reaps what was re-parented to us and has no waiter: daemons that have
// ended, the leftovers of programs that other packages ran, and as PID 1 of a
// container everything. It lives as long as the process.
//
// At a child's end the groups look at once whether it was their last; the orphans' turn
// comes 20 ms after the first of a burst.
func reapOrphans(ends <-chan os.Signal) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	pending := false
	for {
		select {
		case <-ends:
			registry.mu.Lock()
			for _, g := range registry.groups {
				g.look()
			}
			registry.mu.Unlock()
			if !pending {
				pending = true
				timer.Reset(20 * time.Millisecond)
			}
		case <-timer.C:
			pending = false
			reap()
		}
	}
}

// reap leaves alone every zombie that may still have a waiter: the leaders of
// our groups, the guards, and the children of [os.Process], which are those that an open
// pidfd refers to. On systems without pidfd, only the members of our groups can be
// distinguished from the children of others.
func reap() {
	registry.spawn.Lock()
	defer registry.spawn.Unlock()

	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil || info.Signo == 0 {
		return
	}
	self := os.Getpid()
	pids, err := procDir.children(self)
	var ps []process
	if err != nil {
		ps = procDir.all()
	} else {
		for _, pid := range pids {
			if p, ok := procDir.stat(pid); ok {
				ps = append(ps, p)
			}
		}
	}
	ps = slices.DeleteFunc(ps, func(p process) bool { return p.ppid != self || !p.zombie })
	if len(ps) == 0 {
		return
	}
	taken := pidfds()
	registry.mu.Lock()
	groups := make(map[int]bool, len(registry.groups))
	for pid := range registry.groups {
		groups[pid] = true
		taken[pid] = true
	}
	for gd := range registry.guards {
		taken[gd.pid] = true
	}
	registry.mu.Unlock()
	for _, p := range ps {
		if !taken[p.pid] && (groups[p.pgrp] || pidfdsWork()) {
			syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
	}
}

var pidfdsWork = sync.OnceValue(func() bool {
	p, err := os.FindProcess(os.Getpid())
	return err == nil && p.WithHandle(func(uintptr) {}) == nil
})

// pidfds returns the processes that a pidfd of ours refers to.
func pidfds() map[int]bool {
	pids := map[int]bool{}
	const dir = "/proc/self/fd"
	fds, _ := os.ReadDir(dir)
	for _, e := range fds {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || !strings.Contains(link, "pidfd") { // "anon_inode:[pidfd]"; since 6.9 also "pidfd:[123]"
			continue
		}
		info, _ := os.ReadFile(filepath.Join("/proc/self/fdinfo", e.Name()))
		for line := range strings.Lines(string(info)) {
			if v, ok := strings.CutPrefix(line, "Pid:"); ok {
				if pid, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
					pids[pid] = true
				}
			}
		}
	}
	return pids
}
