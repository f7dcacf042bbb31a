package watcher

import (
	"path/filepath"
	"slices"
)

// linkTable knows the links to files, and watches where they lead.
type linkTable struct {
	links   map[string]string   // link to a file -> resolved target
	targets map[string][]string // resolved target -> links
	linkDir map[string]int      // directory of targets -> number of links
	relink  []string            // links to look at again
}

func (l *linkTable) add(link, target string) (dir string) {
	l.links[link] = target
	l.targets[target] = append(l.targets[target], link)
	dir, _ = splitPath(target)
	l.linkDir[dir]++
	return dir
}

// remove forgets a link. unused is a directory that no link leads into any more; "" if there is none.
func (l *linkTable) remove(link string) (unused string) {
	target, ok := l.links[link]
	if !ok {
		return ""
	}
	delete(l.links, link)
	rest := slices.DeleteFunc(l.targets[target], func(other string) bool { return other == link })
	if len(rest) == 0 {
		delete(l.targets, target)
	} else {
		l.targets[target] = rest
	}
	at, _ := splitPath(target)
	if l.linkDir[at]--; l.linkDir[at] > 0 {
		return ""
	}
	delete(l.linkDir, at)
	return at
}

// followLink returns the stat of the regular file that the link at path leads
// to, and makes sure that the directory of that file is watched before it reads.
func (t *tree) followLink(path string, again bool) (stat, bool) {
	st, err := follow(path)
	if err != nil || st.Kind != kindFile {
		return stat{}, false // broken, a loop, a directory, a device
	}
	if !again {
		return st, true
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil || t.links[path] == target {
		return st, true
	}
	t.untrack(path)
	t.watchLinkDir(t.add(path, target))
	if now, err := follow(path); err == nil && now.Kind == kindFile {
		st = now
	}
	return st, true
}

func (t *tree) watchLinkDir(at string) {
	if t.nodes[at] == nil && len(t.linkDir) <= maxLinkDirs {
		up, _ := splitPath(at)
		t.newNode(at, t.nodes[up], nil)
	}
}

func (t *tree) untrack(link string) {
	at := t.remove(link)
	if d := t.nodes[at]; d != nil && !d.counts() {
		t.again = true // perhaps nothing else needs it
	}
}

// relinked looks again at links whose target's directory was dropped.
func (t *tree) relinked() {
	links := t.relink
	t.relink = nil
	for _, link := range links {
		at, name := splitPath(link)
		if d := t.nodes[at]; d != nil && d.counts() {
			t.syncEntry(d, name, opBound)
		}
	}
}
