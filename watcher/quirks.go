package watcher

import "github.com/fsnotify/fsnotify"

// quirks are where the events of a system differ from those of inotify. Each system has a constant set
// of them. The sets of all systems are here, so that tests on one can run the watcher by the rules of another.
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

	// keepsPath: a directory that is watched already keeps the path of its first watch, wherever it is now.
	keepsPath bool

	// trust is how many changes without an event, one after the other, the look must find until the file
	// system is taken for one that reports none. Where fsnotify loses events, one says little: the
	// watch of that directory is made again.
	trust int
}

var (
	inotify = quirks{trust: 1}
	kqueue  = quirks{trust: 5, foldsCase: true, watchesFiles: true, truncates: true}
	windows = quirks{trust: 5, foldsCase: true, keepsPath: true}
)

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
