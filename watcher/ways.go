package watcher

import (
	"fmt"
	"path/filepath"
)

// maxThrough is how many directories are entered through links. A link may lead anywhere,
// to a home directory say, and a glob like ** would follow it everywhere.
const maxThrough = 4096

// way is a link to a directory. What it leads to has the link's name as well, for as long
// as Scope.Enter wants it: it is on.
type way struct {
	dir    *dir // that holds the link
	name   string
	target string // where it leads; "" if nowhere
	on     bool
	stays  bool   // in this rescope it leads where it led before
	pass   uint32 // last rescope that met it
}

// paths are the names that its target has through it.
func (w *way) paths() []string {
	out := w.dir.given()
	for i := range out {
		out[i] = join(out[i], w.name)
	}
	return out
}

// meet takes note of a link that leads to a directory, or to nothing so far.
func (t *tree) meet(d *dir, name string) {
	if t.scope.Enter == nil || !d.deep && d.kept == 0 || noiseFile(name) != "" {
		return
	}
	path := d.join(name)
	st, err := follow(path)
	w := t.ways[path]
	if err == nil && st.Kind != kindDir || err != nil && !gone(err) {
		if w != nil && !w.on {
			delete(t.ways, path) // one that is on goes in a rescope, with the names that it gave
		}
		return
	}
	if w == nil {
		if was, known := t.was[d]; known && t.other && t.before.Enter != nil && (was.deep || was.kept != 0) {
			t.again = true // made just now
			return
		}
		w = &way{name: name}
		t.ways[path] = w
	}
	w.dir, w.pass = d, t.passNo
	if t.was == nil && !w.on && t.wants(w) {
		t.again = true
	}
}

// wants reports whether Scope.Enter is true for what a link leads to.
func (t *tree) wants(w *way) bool { return t.whyWay(w) != 0 }

// whyWay is what rules out a link for which Scope.Enter is true; 0: it is not.
func (t *tree) whyWay(w *way) Skip {
	if how, o := t.w.follows(&w.dir.rules, &t.scope, w.dir.join(w.name), w.name, w.dir.names); how != (entry{}) {
		return o.skip
	}
	return 0
}

// leads is the directory that the link leads to. One that leads to a directory above itself
// has no end, and counts as leading nowhere.
func (w *way) leads() string {
	target, err := filepath.EvalSymlinks(w.dir.join(w.name))
	if err != nil {
		return ""
	}
	if st, err := lstat(target); err != nil || st.Kind != kindDir {
		return ""
	}
	if _, loop := relTo(target, w.dir.path); loop || target == w.dir.path {
		return ""
	}
	return target
}

// resolveWays goes through the links that are wanted. before has the content behind the names
// through links; where it is another one now, that is noted.
//
// For another scope nothing is noted: a name that it asks for now, or no longer, is no change.
// So links that were followed before still lead to the same places. If one of them was turned,
// made or removed just now, the next pass finds that, and its scope is the same.
func (t *tree) resolveWays(before map[string]Sum) {
	for path, w := range t.ways {
		w.stays = t.other && w.on
		if w.pass != t.passNo && !(w.stays && t.alive(w.dir) && w.dir.pass == t.passNo) {
			delete(t.ways, path)
			continue
		}
		if !w.stays {
			w.target = ""
		}
		w.on = false
	}
	t.linked = 0
	for more := true; more; {
		more = false
		for _, w := range t.ways { // what one leads to may hold others
			if w.on || !t.alive(w.dir) {
				continue
			}
			if why := t.whyWay(w); why != 0 {
				w.on, more = true, true
				t.through(w, why)
			}
		}
	}
	if t.other {
		t.checkWays()
		return
	}
	now := map[string]Sum{}
	t.behindAll(func(path string, d *dir, name string, f *file) {
		sum, known := before[path]
		if now[path] = t.reported(d, name, f); known && now[path] == sum || f.hashed || t.pending[d.join(name)] != nil {
			return
		}
		if t.read(d, name, f); d.files[name] == nil {
			delete(now, path)
			return
		}
		now[path] = f.known()
	})
	if len(before)+len(now) > 0 {
		t.differ(before, now)
	}
}

// through makes what a link leads to a node under the name of the link.
func (t *tree) through(w *way, why Skip) {
	if !w.stays {
		w.target = w.leads()
	}
	if w.target == "" {
		return
	}
	r := t.rootOf(w.target)
	d := t.nodeFor(w.target, r)
	if d == nil {
		return
	}
	d.ways = append(d.ways, w)
	if !d.deep {
		d.root, d.kept = r, below(why)
	}
	t.reread(d)
}

// reread reads a directory that has one more name, and what is known below it: Keep and
// Enter may decide differently for that name.
func (t *tree) reread(d *dir) {
	was, known := t.was[d]
	if known {
		t.list(d, mode{was: &was, names: true})
		return
	}
	t.list(d, mode{quiet: true})
	for _, sub := range d.subs {
		t.reread(sub)
	}
}

// mayEnter counts the directories that are entered through links, and says once that there are too many.
func (t *tree) mayEnter(path string) bool {
	if t.linked++; t.linked <= maxThrough {
		return true
	}
	if t.linked == maxThrough+1 && !t.linkedNoted {
		t.linkedNoted = true
		t.notice(Notice{
			Kind:    Limited,
			Message: fmt.Sprintf("more than %d directories are behind links that a rule names: %s and others are not watched", maxThrough, path),
			Hint:    "name the directories that matter in the rule",
		})
	}
	return false
}

// behind has the content behind the names through links, as far as it was reported.
func (t *tree) behind() map[string]Sum {
	out := map[string]Sum{}
	t.behindAll(func(path string, d *dir, name string, f *file) { out[path] = t.reported(d, name, f) })
	return out
}

// behindAll calls f for every name that a file has through links.
func (t *tree) behindAll(f func(path string, d *dir, name string, file *file)) {
	seen := map[*dir]bool{}
	for _, w := range t.ways {
		if d := t.nodes[w.target]; w.on && d != nil {
			behindAs(d, seen, f)
		}
	}
}

func behindAs(d *dir, seen map[*dir]bool, f func(string, *dir, string, *file)) {
	if seen[d] {
		return
	}
	seen[d] = true
	for _, p := range d.linked() {
		for name, file := range d.files {
			f(join(p, name), d, name, file)
		}
	}
	for _, sub := range d.subs {
		behindAs(sub, seen, f)
	}
}

// checkWays notices links that lead elsewhere now: no event reports it where the change is outside.
func (t *tree) checkWays() {
	for _, w := range t.ways {
		if w.on && w.leads() != w.target {
			t.again = true
		}
	}
}
