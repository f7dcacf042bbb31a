package proc

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Claim writes into the file which session this process is. It is locked for as long as this process lives, or until
// release is called, which removes it: then nothing is left to look for.
func Claim(file string) (release func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	session, _ := sessionMark()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteString(nonceOf(session, 0) + "\n")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return func() { os.Remove(file); f.Close() }, nil
}

// EndUnclaimed ends what the session that wrote the file has left running, and names it as "pid name". A session that
// still lives is left alone; one that was killed has nothing left, unless its guard was killed too.
func EndUnclaimed(file string) (ended []string) {
	f, err := os.OpenFile(file, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(f, 64))
	nonce := strings.TrimSpace(string(text))
	session := sessionOf(nonce)
	if session == 0 || nonce != nonceOf(session, 0) {
		return nil
	}
	spared := ancestors() // this session may have been started from a terminal that the other one has left
	ended = endGroups(nil, func() []process {
		ps := markedProcesses(session, nil, func(nonce string) bool {
			return sessionOf(nonce) == session && nonce != nonceOf(session, 0)
		})
		return slices.DeleteFunc(ps, func(p process) bool { return spared[p.pid] })
	})
	os.Remove(file)
	return ended
}

// ancestors are this process and those above it.
func ancestors() map[int]bool {
	pids := map[int]bool{}
	for pid := os.Getpid(); pid > 0 && !pids[pid]; {
		pids[pid] = true
		p, _ := procDir.stat(pid)
		pid = p.ppid
	}
	return pids
}
