package watcher

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lease is a file that is opened and not shared: whoever opens it without waiting gets an error, as on Windows
// and on its shares. The channel receives when a reader tried.
func lease(t *testing.T, path string) (tried <-chan os.Signal, end func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, unix.SIGIO)
	t.Cleanup(func() { signal.Stop(ch) })
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	return ch, func() {
		_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		must(t, err)
	}
}

func await(t *testing.T, tried <-chan os.Signal) {
	t.Helper()
	select {
	case <-tried:
	case <-time.After(patience):
		t.Fatal("the file is not read")
	}
}

// N5 (13): a file that another program does not share does not count as changed. It is read when it can be: one that
// was written, or is new, is reported once, with its content, and one that has the old content is not reported.
func TestNotShared(t *testing.T) {
	for _, c := range []struct{ name, content string }{{"a.go", "two"}, {"a.go", "one"}, {"new.go", "one"}} {
		name, content := c.name, c.content
		t.Run(name+" "+content, func(t *testing.T) {
			root := tempDir(t)
			path := filepath.Join(root, name)
			plant(t, root, map[string]string{"a.go": "one", "b.go": "1"})
			s := watch(t, Options{Backend: Notify, Scope: Scope{Trees: []string{root}}})
			s.hashed()
			var tried <-chan os.Signal
			var end func()
			s.do(func(*tree) { // before it can read it
				write(t, path, content)
				tried, end = lease(t, path)
			})
			await(t, tried)
			write(t, filepath.Join(root, "b.go"), "2") // and others do not wait for it
			for s.known[filepath.Join(root, "b.go")] == (Sum{}) {
				s.next()
			}
			if _, ok := s.known[path]; ok {
				t.Error("reported before it was read")
			}
			end()
			same := name == "a.go" && content == "one"
			if !same {
				for s.known[path] == (Sum{}) {
					s.next()
				}
				if s.known[path] != sumAt(t, path) {
					t.Error("reported with another content")
				}
			}
			for later := true; later; {
				s.do(func(t *tree) { later = len(t.later) > 0 })
			}
			for _, b := range s.settled() {
				for _, c := range b.Changes {
					if c.Path == path && (same || c.New != sumAt(t, path)) {
						t.Errorf("reported: %+v", c)
					}
				}
			}
		})
	}
}

// N5 (13): what is not shared at the start gets its content a moment later, so that it is not reported when it is
// saved without a change.
func TestNotSharedAtStart(t *testing.T) {
	root := tempDir(t)
	for i := range 3 {
		write(t, filepath.Join(root, fmt.Sprint(i, ".go")), "one")
	}
	path := filepath.Join(root, "1.go")
	tried, end := lease(t, path)
	s := watch(t, Options{Backend: Notify, Scope: Scope{Trees: []string{root}}})
	await(t, tried)
	end()
	s.hashed()
	write(t, path, "one")
	for _, b := range s.settled() {
		if len(b.Changes) > 0 {
			t.Errorf("reported: %+v", b.Changes)
		}
	}
}

// It is not waited for without end: after a while its stat stands for its content.
func TestNeverShared(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "a.go")
	write(t, path, "one")
	s := watch(t, Options{Backend: Notify, Scope: Scope{Trees: []string{root}}})
	s.hashed()
	s.do(func(*tree) {
		write(t, path, "two")
		_, _ = lease(t, path)
	})
	for s.known[path] == (Sum{}) {
		s.next()
	}
}
