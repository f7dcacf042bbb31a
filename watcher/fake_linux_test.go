package watcher

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// The sources in fakekqueue_linux_test.go and fakewindows_linux_test.go follow the rules that fsnotify
// has with kqueue and on Windows, over the real file system. What they hear of it comes from here: inotify, which
// counts by inode and not by name, as those systems do.
func init() {
	fakes["kqueue"] = fakeSystem{kqueueQuirks, openFakeKqueue}
	fakes["windows"] = fakeSystem{windowsQuirks, openFakeWindows}
}

type inodeEvent struct {
	wd           int
	mask, cookie uint32
	name         string
}

// inodes reports what happens to inodes.
type inodes struct {
	fd  int
	in  *os.File
	dir string // of drain's own file
	own int
	end chan struct{}

	mu     sync.Mutex
	marked map[string]chan struct{}
	marks  int
}

func openInodes(handle func([]inodeEvent)) (*inodes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "fake")
	if err != nil {
		return nil, err
	}
	i := &inodes{fd: fd, in: os.NewFile(uintptr(fd), "inotify"), dir: dir, end: make(chan struct{}), marked: map[string]chan struct{}{}}
	if i.own, err = i.watch(dir, unix.IN_CREATE); err != nil {
		return nil, err
	}
	go i.read(handle)
	return i, nil
}

// watch follows links. Whoever watches an inode again gets the same number.
func (i *inodes) watch(path string, mask uint32) (int, error) {
	return unix.InotifyAddWatch(i.fd, path, mask)
}

func (i *inodes) unwatch(wd int) { _, _ = unix.InotifyRmWatch(i.fd, uint32(wd)) }

func (i *inodes) read(handle func([]inodeEvent)) {
	defer close(i.end)
	buf := make([]byte, 64<<10)
	for {
		n, err := i.in.Read(buf)
		if err != nil {
			return
		}
		var events []inodeEvent
		var marks []string
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			e := inodeEvent{
				wd:     int(int32(binary.NativeEndian.Uint32(b))),
				mask:   binary.NativeEndian.Uint32(b[4:]),
				cookie: binary.NativeEndian.Uint32(b[8:]),
			}
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			e.name = strings.TrimRight(string(b[unix.SizeofInotifyEvent:size]), "\x00")
			b = b[size:]
			if e.wd == i.own {
				marks = append(marks, e.name)
			} else {
				events = append(events, e)
			}
		}
		handle(events)
		i.mu.Lock()
		for _, m := range marks {
			if ch := i.marked[m]; ch != nil {
				close(ch)
				delete(i.marked, m)
			}
		}
		i.mu.Unlock()
	}
}

// passed returns a channel that is closed when handle has been called with everything that
// happened before.
func (i *inodes) passed() (<-chan struct{}, error) {
	i.mu.Lock()
	i.marks++
	name := string(rune('a'+i.marks%26)) + time.Duration(i.marks).String()
	ch := make(chan struct{})
	i.marked[name] = ch
	i.mu.Unlock()
	return ch, os.WriteFile(filepath.Join(i.dir, name), nil, 0o600)
}

// drain returns when handle has been called with everything that happened before.
func (i *inodes) drain(t *testing.T) {
	t.Helper()
	ch, err := i.passed()
	must(t, err)
	select {
	case <-ch:
	case <-i.end:
	case <-time.After(patience):
		t.Fatal("the events of inotify do not come")
	}
}

func (i *inodes) close() {
	i.in.Close()
	<-i.end
	os.RemoveAll(i.dir)
}

// outlet has the channels of a fake.
type outlet struct {
	events chan fsnotify.Event
	errs   chan error
	quit   chan struct{}
}

func newOutlet() outlet {
	return outlet{events: make(chan fsnotify.Event, 1024), errs: make(chan error), quit: make(chan struct{})}
}

func (s *outlet) channels() (<-chan fsnotify.Event, <-chan error) { return s.events, s.errs }

func (s *outlet) send(name string, op fsnotify.Op) {
	select {
	case s.events <- fsnotify.Event{Name: name, Op: op}:
	case <-s.quit:
	}
}

func (s *outlet) sendError(err error) {
	if err == nil {
		return
	}
	select {
	case s.errs <- err:
	case <-s.quit:
	}
}

var errNotWatched = errors.New("no such watch")
