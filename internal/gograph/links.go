package gograph

import (
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// links knows the directories of a graph by their names with all symbolic links resolved. A directory is resolved once,
// never at each event; it is forgotten with the graph.
type links struct {
	spelled map[string]string // resolved name -> name in the graph; only where they differ

	mu   sync.Mutex
	real map[string]string // directory -> resolved name
}

func newLinks() *links {
	return &links{spelled: make(map[string]string), real: make(map[string]string)}
}

// add makes a directory of the graph known.
func (l *links) add(dir string) {
	if r := l.resolve(dir); r != dir {
		if _, ok := l.spelled[r]; !ok {
			l.spelled[r] = dir
		}
	}
}

// resolve is filepath.EvalSymlinks for a directory, with what is known of its parents used again, and what does not exist
// left as it is.
func (l *links) resolve(dir string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.resolveLocked(dir)
}

func (l *links) resolveLocked(dir string) string {
	if r, ok := l.real[dir]; ok {
		return r
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return dir
	}
	r := filepath.Join(l.resolveLocked(parent), filepath.Base(dir))
	if info, err := os.Lstat(r); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if to, err := filepath.EvalSymlinks(r); err == nil {
			r = to
		}
	} else if err != nil {
		return r // not remembered: it may come to exist, as a link or not
	}
	l.real[dir] = r
	return r
}

// name gives a file the name it has in the graph, if it was given by another way through links.
func (l *links) name(file string) string {
	dir := filepath.Dir(file)
	real := l.resolve(dir)
	for up := real; ; {
		if s, ok := l.spelled[up]; ok {
			rel, err := filepath.Rel(up, filepath.Join(real, filepath.Base(file)))
			if err != nil {
				return file
			}
			return filepath.Join(s, rel)
		}
		parent := filepath.Dir(up)
		if parent == up {
			break
		}
		up = parent
	}
	return filepath.Join(real, filepath.Base(file))
}

func (l *links) merge(newer *links) *links {
	m := newLinks()
	maps.Copy(m.spelled, l.spelled)
	maps.Copy(m.spelled, newer.spelled)
	return m
}
