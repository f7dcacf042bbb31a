package watcher

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"
)

// notify is the backend on fsnotify: one watch per directory.
//
// fsnotify's own goroutine stalls, and with it the kernel's queue fills, unless
// both of its channels are drained at all times. So one goroutine does nothing
// else: it or-s events into a map by name, which is bounded by the number of
// names, and never waits for the owner of the tree.
type notify struct {
	src   source
	q     quirks
	woken chan struct{}
	ended chan struct{}

	mu    sync.Mutex
	ops   map[string]op
	order []string
	since time.Time
	lost  bool
}

func newNotify(src source, q quirks, pause chan struct{}) *notify {
	n := &notify{
		src:   src,
		q:     q,
		woken: make(chan struct{}, 1),
		ended: make(chan struct{}),
		ops:   map[string]op{},
	}
	go n.read(pause)
	return n
}

func (n *notify) read(pause chan struct{}) {
	defer close(n.ended)
	events, errs := n.src.channels()
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
			if err != nil && !n.harmless(err) {
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

// harmless reports whether an error does not mean that events are missing.
func (n *notify) harmless(err error) bool {
	// EINVAL is fsnotify taking away the watch of a directory that was moved and is gone already.
	return errors.Is(err, syscall.EINVAL) ||
		// One entry could not be opened: a link without a target, or a file that may not be read.
		n.q.watchesFiles && (gone(err) || errors.Is(err, fs.ErrPermission))
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

// retries is how often a watch is begun where an entry that vanishes meanwhile makes it fail.
const retries = 5

func (n *notify) add(dir string) error {
	if !n.q.keepsFirst {
		return n.src.Add(dir)
	}
	for range retries {
		_ = n.src.Remove(dir)
		err := n.src.Add(dir)
		if err == nil || !n.q.watchesFiles {
			return err
		}
		half := n.halfWatched(dir, err)
		_ = n.src.Remove(dir) // else what was opened of it stays open
		if !half {
			return err
		}
	}
	return errPolled
}

func (n *notify) keep(path string) error { return n.src.Add(path) }

// halfWatched reports whether err is about an entry of the directory, which itself is there.
func (n *notify) halfWatched(dir string, err error) bool {
	if err == nil || !gone(err) {
		return false
	}
	st, err := lstat(dir)
	return err == nil && st.Kind == kindDir
}

func (n *notify) remove(dir string, id fileID) {
	if n.q.byIdentity {
		// Something else may have the path by now, or a link that leads to it. Its watch must stay.
		if st, err := lstat(dir); err != nil || st.ID != id || st.Kind == kindLink {
			return
		}
	}
	_ = n.src.Remove(dir) // gone already is as good
}

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
	_ = n.src.Close()
	<-n.ended
}
