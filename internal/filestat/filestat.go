// Package filestat asks the file system about a name without reading the file.
//
// Everything that compares a file with an earlier state uses this one type: a copy that forgets a
// field (the change time, the inode) overlooks a change. Asking fills a small struct and makes no
// garbage beyond the path, since it is done for thousands of files in a row.
package filestat

import (
	"io/fs"
	"time"
)

// Kind is what a name refers to.
type Kind uint8

// The kinds of names. Other is a FIFO, a socket or a device: never opened.
const (
	Other Kind = iota
	File
	Dir
	Link
)

// ID identifies a file on this machine. The zero value means that the system does not say.
type ID struct{ Dev, Ino uint64 }

// Known reports whether the system identifies files.
func (id ID) Known() bool { return id != ID{} }

// Stat is what the file system says about a name. Times are nanoseconds since 1970, and
// zero where there are none. They are best compared for being equal only, so that a clock
// that jumps cannot hurt. The zero Stat is that of no file.
type Stat struct {
	Kind  Kind
	ID    ID
	Size  int64  // bytes
	Mtime int64  // of the content; a tool can set it back
	Ctime int64  // of the content and of what is known about it; no tool can set it back. On Windows, only Exact asks for it
	Mode  uint32 // type and permissions, as the system has them
}

// Exists reports whether this is the Stat of a file, and not the zero value.
func (s Stat) Exists() bool { return s != Stat{} }

// Same reports whether nothing distinguishes the file from the one that had the other Stat: not its
// device, which changes with the way that leads to it.
func (s Stat) Same(t Stat) bool {
	return s.ID.Ino == t.ID.Ino && s.Size == t.Size && s.Mtime == t.Mtime && s.Ctime == t.Ctime
}

// Unwritten reports whether nothing wrote the file since it had the other Stat, nor moved
// it away and back. A change of the mode explains another change time.
func (s Stat) Unwritten(t Stat) bool {
	return s.ID.Ino == t.ID.Ino && s.Size == t.Size && s.Mtime == t.Mtime && (s.Ctime == t.Ctime || s.Mode != t.Mode)
}

// Changed is when the file got what it has: its change time where there is one.
func (s Stat) Changed() time.Time {
	if s.Ctime != 0 {
		return time.Unix(0, s.Ctime)
	}
	return time.Unix(0, s.Mtime)
}

// Since reports whether the file may have changed after the moment t. Until the clock of the
// file system has gone on, a change leaves the same Stat: whatever was read after t has to
// be read again.
func (s Stat) Since(t time.Time) bool {
	return s.Exists() && s.Changed().After(t.Add(-s.tick()))
}

// tick is longer than one step of a file system's clock: 10 ms with the coarse clock
// of Linux, 1 to 2 s where no fraction is kept.
func (s Stat) tick() time.Duration {
	if s.Changed().Nanosecond() == 0 {
		return 2 * time.Second
	}
	return 20 * time.Millisecond
}

// KindOf is the kind of a mode.
func KindOf(m fs.FileMode) Kind {
	switch {
	case m.IsRegular():
		return File
	case m.IsDir():
		return Dir
	case m&fs.ModeSymlink != 0:
		return Link
	}
	return Other
}

func rawByName(path []byte, follow bool) (Stat, error) {
	name := string(path[:len(path)-1])
	if follow {
		return Of(name)
	}
	return OfLink(name)
}
