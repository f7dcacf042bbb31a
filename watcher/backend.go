package watcher

import (
	"errors"
	"time"

	"github.com/fsnotify/fsnotify"
)

// op says what an event claims to have happened to a name.
type op uint8

const (
	opWrite op = 1 << iota
	opBound    // the name was bound: created, or moved here
	opGone     // the name was unbound: removed, or moved away
	opChmod    // attributes only
)

// hint is one name to check. The operations of several events are combined:
// a hint is an invalidation, never a fact, so their order does not matter.
type hint struct {
	path string
	op   op
}

// backend reports where to look. It never reads files itself.
type backend interface {
	// add watches the entries of one directory (not what is below).
	// errPolled means: poll it.
	add(dir string) error
	// keep is add for what should be watched already, a directory or a file in one. If it is, nothing happens.
	keep(path string) error
	remove(path string, id fileID)
	// wake receives when take has something to give.
	wake() <-chan struct{}
	// take returns the hints since the last call, when the first of them came,
	// and whether some were lost. It never blocks.
	take() (hints []hint, since time.Time, lost bool)
	close()
}

// errPolled is what the poll backend answers to add.
var errPolled = errors.New("polled")

// poll is the backend for when there are no events: every directory is looked
// at by the clock, which the owner of the tree has anyway for directories that
// could not be watched.
type poll struct{}

func (poll) add(string) error                      { return errPolled }
func (poll) keep(string) error                     { return errPolled }
func (poll) remove(string, fileID)                 {}
func (poll) wake() <-chan struct{}                 { return nil }
func (poll) take() (h []hint, t time.Time, l bool) { return }
func (poll) close()                                {}

func opOf(o fsnotify.Op) (p op) {
	if o.Has(fsnotify.Write) {
		p |= opWrite
	}
	if o.Has(fsnotify.Create) {
		p |= opBound
	}
	if o.Has(fsnotify.Remove) || o.Has(fsnotify.Rename) {
		p |= opGone
	}
	if o.Has(fsnotify.Chmod) {
		p |= opChmod
	}
	return p
}
