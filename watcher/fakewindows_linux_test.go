package watcher

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// fakeWindows is a source with the rules of fsnotify 1.10 on top of ReadDirectoryChangesW:
//
//   - A watched directory is known by its file index. It keeps the path of the first Add.
//   - Add and Remove ask for the directory that the path leads to; where there is none, they fail.
//   - A rename within one directory also renames the paths of what is watched at and below that name.
//     A move to another directory is a removal and a creation, and renames nothing.
//   - There is no event for attributes.
//   - The time of a directory changes with its entries, which the directory above reports.
//
// It lets directories be moved that Windows does not, because one below them is watched.
type fakeWindows struct {
	outlet
	in *inodes

	mu     sync.Mutex
	byIno  map[fileID]*handle
	byWd   map[int]*handle
	closed bool
	queue  []inodeEvent
	more   *sync.Cond
	idle   *sync.Cond
	busy   bool
	done   chan struct{}
}

type handle struct {
	path string
	id   fileID
	wd   int
}

func openFakeWindows() (fake, error) {
	w := &fakeWindows{outlet: newOutlet(), byIno: map[fileID]*handle{}, byWd: map[int]*handle{}, done: make(chan struct{})}
	w.more, w.idle = sync.NewCond(&w.mu), sync.NewCond(&w.mu)
	var err error
	if w.in, err = openInodes(w.happened); err != nil {
		return nil, err
	}
	go w.loop()
	return w, nil
}

func (w *fakeWindows) happened(events []inodeEvent) {
	w.mu.Lock()
	w.queue = append(w.queue, events...)
	w.more.Signal()
	w.mu.Unlock()
}

func (w *fakeWindows) loop() {
	defer close(w.done)
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.queue) == 0 && !w.closed {
			w.busy = false
			w.idle.Broadcast()
			w.more.Wait()
		}
		if w.closed {
			w.idle.Broadcast()
			return
		}
		w.busy = true
		e := w.queue[0]
		w.queue = w.queue[1:]
		var to *inodeEvent
		if e.mask&unix.IN_MOVED_FROM != 0 {
			to = w.partner(e)
		}
		for _, t := range w.event(e, to) {
			w.mu.Unlock()
			w.send(t.Name, t.Op)
			w.mu.Lock()
		}
	}
}

// partner is the other half of a rename within one directory.
func (w *fakeWindows) partner(from inodeEvent) *inodeEvent {
	if len(w.queue) == 0 { // the two come one after the other, but not always together
		w.mu.Unlock()
		if passed, err := w.in.passed(); err == nil {
			select {
			case <-passed:
			case <-w.in.end:
			}
		}
		w.mu.Lock()
	}
	for i, e := range w.queue {
		if e.cookie == from.cookie && e.mask&unix.IN_MOVED_TO != 0 {
			if e.wd != from.wd {
				return nil
			}
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			return &e
		}
	}
	return nil
}

func (w *fakeWindows) event(e inodeEvent, to *inodeEvent) (out []fsnotify.Event) {
	h := w.byWd[e.wd]
	if h == nil {
		return nil
	}
	add := func(name string, op fsnotify.Op) { out = append(out, fsnotify.Event{Name: name, Op: op}) }
	path := filepath.Join(h.path, e.name)
	switch {
	case e.mask&unix.IN_DELETE_SELF != 0:
		add(h.path, fsnotify.Remove)
	case e.mask&unix.IN_IGNORED != 0:
		w.end(h)
	case to != nil:
		renamed := filepath.Join(h.path, to.name)
		add(path, fsnotify.Rename)
		for _, other := range w.byWd {
			if rel, below := relTo(path, other.path); below || other.path == path {
				other.path = filepath.Join(renamed, rel)
			}
		}
		add(renamed, fsnotify.Create)
	case e.mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		add(path, fsnotify.Create)
	case e.mask&(unix.IN_DELETE|unix.IN_MOVED_FROM) != 0:
		add(path, fsnotify.Remove)
	case e.mask&unix.IN_MODIFY != 0:
		add(path, fsnotify.Write)
		return out
	}
	if id, err := dirID(filepath.Dir(h.path)); err == nil && w.byIno[id] != nil {
		add(h.path, fsnotify.Write)
	}
	return out
}

func (w *fakeWindows) Add(dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, err := dirID(dir)
	if err != nil || w.byIno[id] != nil {
		return err
	}
	wd, err := w.in.watch(dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO|unix.IN_MODIFY|unix.IN_DELETE_SELF|unix.IN_ONLYDIR)
	if err != nil {
		return err
	}
	if now, err := dirID(dir); err != nil || now != id { // the two questions are one on Windows
		if w.byWd[wd] == nil {
			w.in.unwatch(wd)
		}
		return os.ErrNotExist
	}
	h := &handle{dir, id, wd}
	w.byIno[id], w.byWd[wd] = h, h
	return nil
}

func (w *fakeWindows) Remove(dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, err := dirID(dir)
	if err != nil {
		return err
	}
	h := w.byIno[id]
	if h == nil {
		return errNotWatched
	}
	w.end(h)
	w.in.unwatch(h.wd)
	return nil
}

func (w *fakeWindows) end(h *handle) {
	delete(w.byWd, h.wd)
	if w.byIno[h.id] == h {
		delete(w.byIno, h.id)
	}
}

func (w *fakeWindows) WatchList() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, h := range w.byIno {
		out = append(out, h.path)
	}
	return out
}

func (w *fakeWindows) drain(t *testing.T) {
	t.Helper()
	w.in.drain(t)
	w.mu.Lock()
	defer w.mu.Unlock()
	for (w.busy || len(w.queue) > 0) && !w.closed {
		w.idle.Wait()
	}
}

func (w *fakeWindows) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.more.Signal()
	w.mu.Unlock()
	close(w.quit)
	<-w.done
	w.in.close()
	close(w.events)
	close(w.errs)
	return nil
}

func dirID(path string) (fileID, error) {
	st, err := follow(path)
	if err == nil && st.Kind != kindDir {
		err = os.ErrNotExist
	}
	return st.ID, err
}
