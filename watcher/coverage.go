package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/hotreload/hotreload/internal/watchinfo"
)

// coverage is what the backend watches, and what is looked at by the clock instead.
type coverage struct {
	be       backend
	q        quirks
	watches  int
	full     bool // adding failed for lack of watches: do not try each
	budget   int  // where a watch costs an open file per entry: how many; 0: no matter
	entries  int  // ... and how many there are in what is watched
	pollMode bool
	pollDev  map[uint64]bool
	refused  map[uint64]bool // devices of which it was said that a directory cannot be watched
	misses   map[uint64]int  // changes without an event since the last event, by device
}

// open starts the backend that the options ask for. Whatever fails ends in
// polling: a watcher that stays up slowly beats one that is gone.
func (t *tree) open() {
	t.be = poll{}
	t.pollMode = true
	if t.w.o.Backend == Poll {
		return
	}
	n, err := t.newNotify()
	if err != nil {
		notice := Notice{
			Kind:    Limited,
			Message: fmt.Sprintf("file events are not available (%v): polling every %v", err, t.w.o.PollInterval),
		}
		// EMFILE means one of two limits: inotify instances, and open files.
		if name, value := watchinfo.InstanceLimit(); errors.Is(err, syscall.EMFILE) && name != "" && canOpen() {
			notice.Message = fmt.Sprintf("the limit %s (%d) is reached: polling every %v instead of using file events", name, value, t.w.o.PollInterval)
			notice.Hint = watchinfo.RaiseHint(name, max(512, 2*value))
		}
		t.notice(notice)
		return
	}
	t.be, t.pollMode = n, false
	if t.w.test.backend != nil {
		t.be = t.w.test.backend(n)
	}
}

func canOpen() bool {
	f, err := os.Open(os.DevNull)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func (t *tree) newNotify() (*notify, error) {
	if err := t.w.test.notifyError; err != nil {
		return nil, err
	}
	open := newSource
	if t.w.test.source != nil {
		open = t.w.test.source
	}
	src, err := open()
	if err != nil {
		return nil, err
	}
	return newNotify(src, t.q, t.w.test.pause), nil
}

// watch asks the backend for events of one directory. Without an error, false
// means that the directory is looked at by the clock.
func (t *tree) watch(path string, dev uint64) (bool, error) {
	if t.pollMode || t.pollsOn(dev, path) || t.full {
		return false, nil
	}
	err := error(syscall.EMFILE)
	if t.budget == 0 || t.watches+t.entries < t.budget {
		err = t.be.add(path)
	}
	switch {
	case err == nil:
		t.watches++
		return true, nil
	case gone(err) || errors.Is(err, fs.ErrPermission):
		return false, err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		t.full = true
		t.limitErr = err
	case !errors.Is(err, errPolled) && !t.refused[dev]:
		t.refused[dev] = true
		t.notice(Notice{
			Kind:    Polling,
			Message: fmt.Sprintf("%s cannot be watched (%v): polling it every %v", path, err, t.w.o.PollInterval),
		})
	}
	return false, nil
}

// polled reports whether some directory is looked at by the clock.
func (t *tree) polled() bool { return t.pollMode || len(t.nodes) > t.watches }
