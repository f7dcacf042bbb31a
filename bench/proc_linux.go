package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticks per second of the times in /proc/PID/stat: USER_HZ, 100 on every Linux that Go runs on.
const userHZ = 100

func processStat(pid int) (process, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, err
	}
	return parseStat(string(b))
}

// parseStat reads a line of /proc/PID/stat (proc_pid_stat(5)). The name in parentheses may
// hold anything, parentheses included.
func parseStat(s string) (process, error) {
	open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("strange process line %q", s)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(s[:open]))
	if err != nil {
		return process{}, err
	}
	f := strings.Fields(s[end+1:]) // f[0] is field 3, the state
	if len(f) < 20 {
		return process{}, fmt.Errorf("short process line %q", s)
	}
	var bad error
	num := func(field int) uint64 {
		v, err := strconv.ParseUint(strings.TrimPrefix(f[field-3], "-"), 10, 64)
		bad = errors.Join(bad, err)
		return v
	}
	p := process{pid: pid, parent: int(num(4)), started: num(22),
		cpu: time.Duration(num(14)+num(15)+num(16)+num(17)) * (time.Second / userHZ)}
	return p, bad
}

func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var out []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, err := processStat(pid); err == nil { // an error: it ended meanwhile
			out = append(out, p)
		}
	}
	return out, nil
}

// preciseCPU is what the threads of a process have used so far, in nanoseconds: the
// ticks of /proc/PID/stat are too coarse for a process that does nothing.
func preciseCPU(pid int) (time.Duration, error) {
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "schedstat"))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("process %d: no schedstat", pid)
	}
	var sum time.Duration
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

// memory is the resident set of a process in bytes, and the part of it that is not
// backed by files: the pages of the executable are shared and can be dropped at any time.
func memory(pid int) (rss, anonymous int64, err error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, err
	}
	return statusBytes(string(b), "VmRSS:"), statusBytes(string(b), "RssAnon:"), nil
}

// statusBytes reads a "name: N kB" line of /proc/PID/status.
func statusBytes(s, name string) int64 {
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

// watches counts the inotify watches that a process holds.
func watches(pid int) (int, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fdinfo")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		n += bytes.Count(b, []byte("inotify wd:"))
	}
	return n, nil
}
