package watcher

import "github.com/fsnotify/fsnotify"

// quirks are where the events of a system differ from those of inotify. Each system has a constant set
// of them. Those of kqueue and of Windows are here, so that tests can run the watcher by their rules on any system.
type quirks struct {
	// foldsCase: main.go is found where the directory says Main.go, so after a removal or a rename only the
	// listing shows which name is left.
	foldsCase bool

	// watchesFiles: a watch of a directory opens each of its entries, and these stay open, under their old
	// names, when the directory is renamed. To begin a watch fails when an entry vanishes meanwhile.
	// "Created" is also reported for directories that were there.
	watchesFiles bool

	// truncates: a file that was truncated may be reported as one whose attributes changed.
	truncates bool

	// keepsFirst: who is watched already stays as it was watched first. On Windows that is a directory, and it keeps
	// its first path, wherever it is now. With kqueue it is a path, and events come for what was there first.
	keepsFirst bool

	// byIdentity: a watch is removed by a path that leads to what is watched, now.
	byIdentity bool

	// trust is how many changes without an event, one after the other, the look must find until the file
	// system is taken for one that reports none. Where fsnotify loses events, one says little: the
	// watch of that directory is made again.
	trust int
}

var (
	kqueueQuirks  = quirks{trust: 5, foldsCase: true, keepsFirst: true, watchesFiles: true, truncates: true}
	windowsQuirks = quirks{trust: 5, foldsCase: true, keepsFirst: true, byIdentity: true}
)

// loses reports whether fsnotify itself loses events: then each directory is looked at for new names,
// also where nothing matters so far.
func (q *quirks) loses() bool { return q.trust > 1 }

// source is fsnotify, as far as it is needed here: a test can put one in its place that follows the
// rules of another system.
type source interface {
	Add(dir string) error
	Remove(dir string) error
	Close() error
	channels() (<-chan fsnotify.Event, <-chan error)
}

type realSource struct{ *fsnotify.Watcher }

func (r realSource) channels() (<-chan fsnotify.Event, <-chan error) { return r.Events, r.Errors }

// newSource is the source of this system. Its buffer saves a goroutine switch per event while many come at once;
// the queue proper is notify.ops.
func newSource() (source, error) {
	fs, err := fsnotify.NewBufferedWatcher(1024)
	if err != nil {
		return nil, err
	}
	return realSource{fs}, nil
}
