package watcher

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// eventBuffer saves a goroutine switch per event while many come at once.
// The queue proper is notify.ops.
const eventBuffer = 1024

// notify is the backend on fsnotify: one watch per directory.
//
// fsnotify's own goroutine stalls, and with it the kernel's queue fills, unless
// both of its channels are drained at all times. So one goroutine does nothing
// else: it or-s events into a map by name, which is bounded by the number of
// names, and never waits for the owner of the tree.
type notify struct {
	fs    *fsnotify.Watcher
	woken chan struct{}
	ended chan struct{}

	mu    sync.Mutex
	ops   map[string]op
	order []string
	since time.Time
	lost  bool
}

func newNotify(pause chan struct{}) (*notify, error) {
	fs, err := fsnotify.NewBufferedWatcher(eventBuffer)
	if err != nil {
		return nil, err
	}
	n := &notify{
		fs:    fs,
		woken: make(chan struct{}, 1),
		ended: make(chan struct{}),
		ops:   map[string]op{},
	}
	go n.read(pause)
	return n, nil
}

func (n *notify) read(pause chan struct{}) {
	defer close(n.ended)
	events, errs := n.fs.Events, n.fs.Errors
	for events != nil || errs != nil {
		if pause != nil {
			<-pause
		}
		select {
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if o := opOf(e.Op); o != 0 && e.Name != "" {
				n.put(e.Name, o)
			}
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			// EINVAL is fsnotify taking away the watch of a directory that was
			// moved and is gone already. Anything else means that events are missing.
			if err != nil && !errors.Is(err, syscall.EINVAL) {
				n.mu.Lock()
				n.lost = true
				if n.since.IsZero() {
					n.since = time.Now()
				}
				n.mu.Unlock()
				n.poke()
			}
		}
	}
}

func (n *notify) put(name string, o op) {
	if len(name) > 1 && name[0] == '/' && name[1] == '/' {
		name = name[1:] // what fsnotify makes of an entry of "/"
	}
	n.mu.Lock()
	if len(n.order) == 0 && n.since.IsZero() {
		n.since = time.Now()
	}
	old, ok := n.ops[name]
	if !ok {
		n.order = append(n.order, name)
	}
	n.ops[name] = old | o
	n.mu.Unlock()
	n.poke()
}

func (n *notify) poke() {
	select {
	case n.woken <- struct{}{}:
	default:
	}
}

func (n *notify) add(dir string) error  { return n.fs.Add(dir) }
func (n *notify) remove(dir string)     { _ = n.fs.Remove(dir) } // gone already is as good
func (n *notify) wake() <-chan struct{} { return n.woken }

func (n *notify) take() (hints []hint, since time.Time, lost bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.order) > 0 {
		hints = make([]hint, len(n.order))
		for i, name := range n.order {
			hints[i] = hint{name, n.ops[name]}
		}
		// A map keeps its size for ever: after a flood it would be memory for nothing.
		if len(n.order) > 4096 {
			n.ops, n.order = map[string]op{}, nil
		} else {
			clear(n.ops)
			clear(n.order)
			n.order = n.order[:0]
		}
	}
	since, n.since = n.since, time.Time{}
	lost, n.lost = n.lost, false
	return hints, since, lost
}

func (n *notify) close() {
	_ = n.fs.Close()
	<-n.ended
}
