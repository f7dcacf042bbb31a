package watcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// What kqueue says of an open file.
const (
	noteDelete = 1 << iota
	noteWrite
	noteAttrib
	noteRename

	noteAll = noteDelete | noteWrite | noteAttrib | noteRename
)

// fakeKqueue is a source with the rules of fsnotify 1.10 on top of kqueue:
//
//   - Each entry of a watched directory is opened, links followed, and goes by the name that it had then.
//   - A directory that changed is not reported. It is listed, by name, and what was not seen before is
//     reported as created. The first entry that has vanished or cannot be opened ends the listing.
//   - Add fails when an entry vanishes between the listing and the question for it.
//   - Rename or removal ends the watch of that name alone: the entries of a renamed directory stay open.
//   - A directory that is watched by the user keeps its place among those that were seen only from the
//     listing of the directory above.
//   - Notes of one open file that were not fetched yet are one.
//   - A file that became shorter has another attribute; it was not written.
type fakeKqueue struct {
	outlet
	in *inodes

	vanish func(dir string) // called by Add between the listing of a directory and its entries

	mu      sync.Mutex
	vnodes  map[int][]*knote // by the number that inotify gives the inode
	pending []*knote
	arrived chan struct{}
	idle    *sync.Cond
	working bool
	closed  bool
	held    bool // no note is fetched

	paths map[string]*knote
	inDir map[string]map[*knote]bool
	seen  map[string]bool
	user  map[string]bool

	done chan struct{}
}

// knote is one open file.
type knote struct {
	path  string
	isDir bool
	flags uint32
	wd    int
	fd    int // of a file, for its link count; -1: of a directory
	links uint64
	size  int64
	notes uint32
	ended bool
}

func openFakeKqueue() (fake, error) {
	k := &fakeKqueue{
		outlet: newOutlet(), vnodes: map[int][]*knote{}, arrived: make(chan struct{}, 1), paths: map[string]*knote{},
		inDir: map[string]map[*knote]bool{}, seen: map[string]bool{}, user: map[string]bool{}, done: make(chan struct{}),
	}
	k.idle = sync.NewCond(&k.mu)
	var err error
	if k.in, err = openInodes(k.happened); err != nil {
		return nil, err
	}
	go k.loop()
	return k, nil
}

// happened turns what happened to inodes into notes.
func (k *fakeKqueue) happened(events []inodeEvent) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range events {
		if e.mask&unix.IN_IGNORED != 0 {
			delete(k.vnodes, e.wd)
			continue
		}
		for _, n := range k.vnodes[e.wd] {
			note := n.noteOf(e)
			if note &= n.flags; note == 0 {
				continue
			}
			if n.notes == 0 {
				k.pending = append(k.pending, n)
			}
			n.notes |= note
		}
	}
	if len(k.pending) > 0 {
		select {
		case k.arrived <- struct{}{}:
		default:
		}
	}
}

func (n *knote) noteOf(e inodeEvent) (note uint32) {
	if n.fd < 0 {
		if e.mask&(unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO) != 0 {
			note |= noteWrite
		}
		if e.mask&unix.IN_DELETE_SELF != 0 {
			note |= noteDelete
		}
		if e.mask&unix.IN_ATTRIB != 0 && e.name == "" {
			note |= noteAttrib
		}
	} else if e.name == "" && e.mask&(unix.IN_MODIFY|unix.IN_ATTRIB) != 0 {
		var st unix.Stat_t
		if unix.Fstat(n.fd, &st) != nil {
			return 0
		}
		links, size := uint64(st.Nlink), st.Size
		switch {
		case links < n.links:
			note |= noteDelete
		case e.mask&unix.IN_ATTRIB != 0 && links == n.links, size < n.size:
			note |= noteAttrib
		case e.mask&unix.IN_MODIFY != 0:
			note |= noteWrite
		}
		n.links, n.size = links, size
	}
	if e.mask&unix.IN_MOVE_SELF != 0 {
		note |= noteRename
	}
	return note
}

// open makes path a knote. It follows links.
func (k *fakeKqueue) open(path string, isDir bool) (*knote, error) {
	n := &knote{path: path, isDir: isDir, fd: -1}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	mask := uint32(unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ATTRIB)
	at := path
	if !st.IsDir() {
		mask = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF
		if n.fd, err = unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
			return nil, err
		}
		at = fmt.Sprint("/proc/self/fd/", n.fd)
		var st unix.Stat_t
		if err := unix.Fstat(n.fd, &st); err == nil {
			n.links, n.size = uint64(st.Nlink), st.Size
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			unix.Close(n.fd)
			return nil, unix.ENOENT // replaced meanwhile
		}
	}
	if n.wd, err = k.in.watch(at, mask); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *knote) close() {
	if n.fd >= 0 {
		unix.Close(n.fd)
		n.fd = -1
	}
}

func (k *fakeKqueue) Add(dir string) error {
	if err := k.addWatch(dir, noteAll, false); err != nil {
		return err
	}
	k.mu.Lock()
	k.user[dir] = true
	k.mu.Unlock()
	return nil
}

func (k *fakeKqueue) addWatch(path string, flags uint32, listed bool) error {
	k.mu.Lock()
	n := k.paths[path]
	known := n != nil
	if n == nil {
		fi, err := os.Lstat(path)
		switch {
		case err != nil:
		case fi.Mode()&(fs.ModeSocket|fs.ModeNamedPipe) != 0:
			k.mu.Unlock()
			return nil
		case !listed && fi.Mode()&fs.ModeSymlink != 0:
			err = errors.New("the watcher adds no links")
		default:
			n, err = k.open(path, fi.IsDir())
		}
		if err != nil {
			k.mu.Unlock()
			return err
		}
		k.vnodes[n.wd] = append(k.vnodes[n.wd], n)
		k.paths[path] = n
		up := filepath.Dir(path)
		if k.inDir[up] == nil {
			k.inDir[up] = map[*knote]bool{}
		}
		k.inDir[up][n] = true
	}
	was := n.flags
	n.flags = flags
	k.mu.Unlock()
	if n.isDir && flags&noteWrite != 0 && (!known || was&noteWrite == 0) {
		return k.addEntries(path)
	}
	return nil
}

func (k *fakeKqueue) addEntries(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if k.vanish != nil {
		k.vanish(dir)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			return err
		}
		path := filepath.Join(dir, e.Name())
		if err := k.addEntry(path, fi.IsDir()); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		k.see(path, true)
	}
	return nil
}

func (k *fakeKqueue) addEntry(path string, isDir bool) error {
	if !isDir {
		return k.addWatch(path, noteAll, true)
	}
	k.mu.Lock()
	var flags uint32
	if n := k.paths[path]; n != nil {
		flags = n.flags
	}
	k.mu.Unlock()
	return k.addWatch(path, flags|noteDelete|noteRename, true)
}

func (k *fakeKqueue) see(path string, there bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if there {
		k.seen[path] = true
	} else {
		delete(k.seen, path)
	}
}

func (k *fakeKqueue) Remove(path string) error { return k.remove(path, true) }

func (k *fakeKqueue) remove(path string, withEntries bool) error {
	k.mu.Lock()
	n := k.paths[path]
	if n == nil {
		k.mu.Unlock()
		return errNotWatched
	}
	k.end(n)
	var entries []string
	if withEntries && n.isDir {
		for e := range k.inDir[path] {
			if !k.user[e.path] {
				entries = append(entries, e.path)
			}
		}
	}
	k.mu.Unlock()
	for _, e := range entries {
		_ = k.remove(e, true)
	}
	return nil
}

// end closes an open file.
func (k *fakeKqueue) end(n *knote) {
	n.ended, n.notes = true, 0
	n.close()
	left := k.vnodes[n.wd][:0:0]
	for _, other := range k.vnodes[n.wd] {
		if other != n {
			left = append(left, other)
		}
	}
	if k.vnodes[n.wd] != nil {
		if k.vnodes[n.wd] = left; len(left) == 0 {
			delete(k.vnodes, n.wd)
			k.in.unwatch(n.wd)
		}
	}
	delete(k.paths, n.path)
	delete(k.user, n.path)
	delete(k.seen, n.path)
	up := filepath.Dir(n.path)
	if delete(k.inDir[up], n); len(k.inDir[up]) == 0 {
		delete(k.inDir, up)
	}
}

// loop fetches notes, a few at a time, and turns them into events.
func (k *fakeKqueue) loop() {
	defer close(k.done)
	for {
		k.mu.Lock()
		n := min(10, len(k.pending))
		if k.held {
			n = 0
		}
		type fetched struct {
			*knote
			notes uint32
		}
		var some []fetched
		for _, p := range k.pending[:n] {
			if !p.ended {
				some = append(some, fetched{p, p.notes})
			}
			p.notes = 0
		}
		k.pending = append(k.pending[:0:0], k.pending[n:]...)
		if k.working = n > 0; !k.working {
			k.idle.Broadcast()
		}
		closed := k.closed
		k.mu.Unlock()
		for _, f := range some {
			k.mu.Lock()
			ended := f.ended
			k.mu.Unlock()
			if !ended { // after it was fetched
				k.note(f.knote, f.notes)
			}
		}
		if closed {
			return
		}
		if n == 0 {
			select {
			case <-k.arrived:
			case <-k.quit:
			}
		}
	}
}

func (k *fakeKqueue) note(n *knote, notes uint32) {
	var op fsnotify.Op
	for note, o := range map[uint32]fsnotify.Op{noteDelete: fsnotify.Remove, noteWrite: fsnotify.Write, noteAttrib: fsnotify.Chmod, noteRename: fsnotify.Rename} {
		if notes&note != 0 {
			op |= o
		}
	}
	if op.Has(fsnotify.Remove) {
		op &^= fsnotify.Write
	}
	if op.Has(fsnotify.Remove) || op.Has(fsnotify.Rename) {
		_ = k.remove(n.path, false)
		k.see(n.path, false)
	}
	if n.isDir && op.Has(fsnotify.Write) {
		k.dirChanged(n.path)
	} else {
		k.send(n.path, op)
	}
	if op.Has(fsnotify.Remove) && !n.isDir { // another file may have taken its place
		if fi, err := os.Lstat(n.path); err == nil {
			k.sendError(k.created(n.path, fi.IsDir()))
		}
	}
}

// dirChanged looks for new entries, up to the first one that makes trouble.
func (k *fakeKqueue) dirChanged(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			return
		}
		if k.created(filepath.Join(dir, e.Name()), fi.IsDir()) != nil {
			return
		}
	}
}

func (k *fakeKqueue) created(path string, isDir bool) error {
	k.mu.Lock()
	seen := k.seen[path]
	k.mu.Unlock()
	if !seen {
		k.send(path, fsnotify.Create)
	}
	if err := k.addEntry(path, isDir); err != nil {
		return err
	}
	k.see(path, true)
	return nil
}

// hold keeps notes from being fetched, so that several of one file become one.
func (k *fakeKqueue) hold(held bool) {
	k.mu.Lock()
	k.held = held
	k.mu.Unlock()
	select {
	case k.arrived <- struct{}{}:
	default:
	}
}

// WatchList are the directories that are watched.
func (k *fakeKqueue) WatchList() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for path := range k.user {
		if n := k.paths[path]; n != nil && n.isDir { // else it ended while it was added, and is only a name in a table
			out = append(out, path)
		}
	}
	return out
}

// openFiles is how many files are open.
func (k *fakeKqueue) openFiles() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.paths)
}

func (k *fakeKqueue) drain(t *testing.T) {
	t.Helper()
	k.in.drain(t)
	late := time.AfterFunc(patience, func() { panic("the notes are not fetched") })
	defer late.Stop()
	k.mu.Lock()
	defer k.mu.Unlock()
	for (k.working || len(k.pending) > 0) && !k.closed {
		k.idle.Wait()
	}
}

func (k *fakeKqueue) Close() error {
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil
	}
	k.closed = true
	k.mu.Unlock()
	close(k.quit)
	<-k.done
	k.in.close()
	k.mu.Lock()
	for _, n := range k.paths {
		n.close()
	}
	k.idle.Broadcast()
	k.mu.Unlock()
	close(k.events)
	close(k.errs)
	return nil
}
