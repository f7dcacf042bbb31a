package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	var f []string // the fields after the name; the number of each is its place in proc(5)
	for i := 3; i <= 52; i++ {
		f = append(f, strconv.Itoa(i*100))
	}
	set := func(i int, v string) string {
		g := slices.Clone(f)
		g[i-3] = v
		return " " + strings.Join(g, " ") + "\n"
	}
	fields := set(3, "S")
	p, ok := parseStat(42, []byte("42 (a) b (c)"+fields))
	want := process{pid: 42, ppid: 400, pgrp: 500, start: 2200, name: "a) b (c", image: "a) b (c2800"}
	if !ok || p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	if p, _ := parseStat(42, []byte("42 (a)"+set(51, "0"))); !p.noEnv {
		t.Error("an environment")
	}
	for threads, dead := range map[string]bool{"0": true, "1": true, "2": false} {
		zombie := strings.Replace(set(20, threads), " 300 ", " Z ", 1)
		if p, ok := parseStat(42, []byte("42 (a)"+zombie)); !ok || p.zombie != dead {
			t.Errorf("the main thread has ended, of %s: zombie %v", threads, p.zombie)
		}
	}
	for _, s := range []string{"", "42", "42 (a", "42 (a)", "42 )a( S 1 2", "42 (a) S x 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345"} {
		if p, ok := parseStat(42, []byte(s)); ok {
			t.Errorf("%q accepted as %+v", s, p)
		}
	}
}

// fakeProc writes a process table as Linux shows it, with or without the lists of children.
func fakeProc(t *testing.T, parents map[int]int, children bool) procFS {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pid, ppid := range parents {
		write(fmt.Sprintf("%d/stat", pid), fmt.Sprintf("%d (n%d) S %d 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %d 1 2 3 4 5 99 0", pid, pid, ppid, pid*10))
		write(fmt.Sprintf("%d/task/%d/stat", pid, pid), "")
		if children {
			var kids []string // half of them forked by a second thread
			for k, p := range parents {
				if p == pid {
					kids = append(kids, strconv.Itoa(k))
				}
			}
			n := len(kids) / 2
			write(fmt.Sprintf("%d/task/%d/children", pid, pid), strings.Join(kids[:n], " ")+" ")
			write(fmt.Sprintf("%d/task/%d/children", pid, pid+5000), strings.Join(kids[n:], " "))
		}
	}
	write("self", "")
	write("meminfo", "")
	return procFS(dir)
}

// Both ways to find descendants agree: kernels differ in what they show.
func TestList(t *testing.T) {
	parents := map[int]int{1: 0, 10: 1, 11: 10, 12: 10, 13: 12, 14: 13, 20: 1, 21: 20, 30: 99}
	for _, children := range []bool{true, false} {
		fs := fakeProc(t, parents, children)
		var got []int
		for _, p := range fs.list(10, func(process) bool { return false }) {
			got = append(got, p.pid)
			if p.ppid != parents[p.pid] || p.start != uint64(p.pid)*10 {
				t.Errorf("%+v", p)
			}
		}
		if !slices.Equal(got, []int{11, 12, 13, 14}) {
			t.Errorf("children listed %v: %v", children, got)
		}
		if all := fs.all(); len(all) != len(parents) {
			t.Errorf("%d processes", len(all))
		}
		if _, err := fs.children(10); (err == nil) != children {
			t.Error(err)
		}
	}
}

// A process that was listed and is gone may have left a child behind that was not seen.
func TestListVanished(t *testing.T) {
	for _, vanished := range []bool{false, true} {
		parents := map[int]int{10: 1}
		if vanished {
			parents[11] = 10
		}
		fs := fakeProc(t, parents, true)
		os.Remove(filepath.Join(string(fs), "11", "stat"))
		if ps, whole := fs.pass(10, func(process) bool { return false }); len(ps) != 0 || whole == vanished {
			t.Error(ps, whole)
		}

		parents = map[int]int{1: 0, 10: 1}
		if vanished {
			parents[12] = 11
		}
		fs = fakeProc(t, parents, false)
		if ps, whole := fs.pass(10, func(process) bool { return false }); len(ps) != 0 || whole == vanished {
			t.Error(ps, whole)
		}
	}
}

// The real table, whichever way this kernel shows it.
func TestListReal(t *testing.T) {
	p := sh(t, `sleep 1000 & sh -c 'sleep 1000 & echo $!; wait' & wait`)
	grandchild := p.pids()[0]
	var pids []int
	for _, pr := range procDir.list(os.Getpid(), func(process) bool { return false }) {
		pids = append(pids, pr.pid)
	}
	if !slices.Contains(pids, p.Pid()) || !slices.Contains(pids, grandchild) {
		t.Errorf("%v lacks %d or %d", pids, p.Pid(), grandchild)
	}
	if got := p.Pids(); len(got) != 4 || !slices.Contains(got, grandchild) {
		t.Errorf("group %v", got)
	}
}

// whenRead makes name a file that calls f when it is opened to be read, and then reads as text.
func whenRead(t *testing.T, name, text string, f func()) {
	t.Helper()
	os.Remove(name)
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		os.Rename(name, name+".read") // the next one reads nothing
		f()
		w.WriteString(text)
		w.Close()
	}()
	t.Cleanup(func() {
		if r, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil { // it was never read
			r.Close()
		}
		<-done
	})
}

// R4: a parent that dies while its child is looked for does not hide it. The child moves to the main thread of the root.
func TestListMoved(t *testing.T) {
	fs := fakeProc(t, map[int]int{10: 1, 11: 10, 12: 11}, true)
	whenRead(t, filepath.Join(string(fs), "11/stat"), "", func() {
		os.RemoveAll(filepath.Join(string(fs), "11"))
		os.WriteFile(filepath.Join(string(fs), "10/task/5010/children"), nil, 0o644)
		os.WriteFile(filepath.Join(string(fs), "10/task/10/children"), []byte("12 "), 0o644)
	})
	ps := fs.list(10, func(process) bool { return false })
	if len(ps) != 1 || ps[0].pid != 12 {
		t.Errorf("found %v, want 12", ps)
	}
}

// R4: the main thread, to which orphans move, is read after all others.
func TestMainThreadLast(t *testing.T) {
	fs := fakeProc(t, map[int]int{10: 1}, true)
	file := func(thread int) string { return filepath.Join(string(fs), fmt.Sprintf("10/task/%d/children", thread)) }
	whenRead(t, file(10), "12 ", func() {
		for thread := 5000; thread < 5020; thread++ {
			os.WriteFile(file(thread), []byte("13 "), 0o644)
		}
	})
	for thread := 5000; thread < 5020; thread++ {
		os.MkdirAll(filepath.Dir(file(thread)), 0o755)
		os.WriteFile(file(thread), nil, 0o644)
	}
	if pids, err := fs.children(10); err != nil || !slices.Equal(pids, []int{12}) {
		t.Errorf("%v %v: a thread was read after the main thread", pids, err)
	}
}
