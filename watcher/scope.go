package watcher

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// scoping is what the scope asks for, and where that was found.
type scoping struct {
	scope  Scope
	roots  []*root
	named  []*named        // Scope.Dirs, resolved
	ways   map[string]*way // links to directories, by their path
	linked int             // directories entered through links
	pivots map[string]stat // paths whose binding decides where a path of Scope.Dirs leads
	outer  map[string]stat // ignore files above the trees
	again  bool            // the scope must be resolved again

	// During a rescope.
	passNo uint32
	was    map[*dir]rules // what held before
	before Scope          // ... and the scope that asked for it
	other  bool           // ... which was another one
}

// root is one tree of the scope.
type root struct {
	given []string // names in the scope; more than one if links lead to the same place
	real  string   // where they lead
	lost  bool     // is not there
	held  map[string]*change
	outer *ignoreFile // patterns from above the tree
	lock  string      // index.lock of the repository it is in; "" without one
}

// named is one entry of Scope.Dirs.
type named struct {
	given string
	real  string // "" while there is no such directory
	link  bool   // a link leads there that is not just the tree's own name
}

// names returns what a file in d is reported as: under every name that the directory has.
func (d *dir) names(name string) []string {
	out := d.paths()
	for i := range out {
		out[i] = join(out[i], name)
	}
	return out
}

// paths are the names of a directory.
func (d *dir) paths() []string {
	if out := d.given(); out != nil {
		return out
	}
	return []string{d.path}
}

// given are the names that the scope and links give a directory.
func (d *dir) given() []string {
	var out []string
	if d.root != nil {
		for _, g := range d.root.given {
			switch rel, ok := relTo(d.root.real, d.path); {
			case ok:
				out = append(out, filepath.Join(g, filepath.FromSlash(rel)))
			case d.path == d.root.real:
				out = append(out, g)
			}
		}
	}
	for _, p := range slices.Concat(d.also, d.linked()) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// linked are the names that a directory has through links that lead to it, or to one above.
// A name leads through no directory twice.
func (d *dir) linked() []string {
	var out []string
	for at := d; at != nil; at = at.up {
		if at.busy || len(at.ways) == 0 {
			continue
		}
		at.busy = true
		for _, w := range at.ways {
			for _, p := range w.paths() {
				if rel, ok := relTo(at.path, d.path); ok {
					p = filepath.Join(p, filepath.FromSlash(rel))
				}
				out = append(out, p)
			}
		}
		at.busy = false
	}
	return out
}

// rescope finds out again which directories matter, and how. old is the scope
// that held before: what it did not cover is taken as known, not as changed. same
// says that it is the present one.
func (t *tree) rescope(old Scope, same bool) {
	// A directory that turns out to have moved meanwhile asks for another round.
	for range 3 {
		t.again = false
		t.rescopeOnce(old, same)
		if !t.again {
			return
		}
		old, same = t.scope, true
	}
}

func (t *tree) rescopeOnce(old Scope, same bool) {
	var behind map[string]Sum
	if same {
		behind = t.behind()
	}
	t.passNo++
	t.before, t.other = old, !same
	t.was = make(map[*dir]rules, len(t.nodes))
	for _, d := range t.nodes {
		t.was[d] = d.rules
	}
	defer func() { t.was, t.before, t.other = nil, Scope{}, false }()

	added := t.resolveRoots()
	for _, r := range t.roots {
		if !r.lost {
			t.visitRoot(r, added[r])
		}
	}
	clear(t.pivots)
	t.resolveDirs()
	t.resolveWays(behind)
	t.sweepNodes()
}

// resolveRoots finds out where the trees are, and returns those that are new.
func (t *tree) resolveRoots() map[*root]bool {
	before := map[string]*root{}
	for _, r := range t.roots {
		for _, g := range r.given {
			before[g] = r
		}
	}
	added := map[*root]bool{}
	byReal := map[string]*root{}
	lost := map[*root]bool{}
	var roots []*root
	for _, given := range t.scope.Trees {
		r := before[given]
		real, err := realDir(given)
		if err != nil {
			if r == nil {
				r = &root{given: []string{given}, real: given}
			}
			if !lost[r] {
				lost[r] = true
				roots = append(roots, r)
				t.lose(r)
			}
			continue
		}
		if same := byReal[real]; same != nil {
			if !slices.Contains(same.given, given) {
				same.given = append(same.given, given)
			}
			continue
		}
		switch {
		case r == nil || lost[r]:
			r = &root{given: []string{given}, real: real}
			added[r] = true
		case r.lost:
			t.regain(r, real)
			t.notice(Notice{Kind: RootBack, Message: fmt.Sprintf("%s is back: rescanned everything", given)})
		case r.real != real: // a link that leads elsewhere now
			t.takeAway(r)
			t.regain(r, real)
		}
		r.given = []string{given}
		byReal[real] = r
		roots = append(roots, r)
	}
	// Outer trees first: an inner one is then met on the way, or not.
	slices.SortStableFunc(roots, func(a, b *root) int { return len(a.real) - len(b.real) })
	t.roots = roots
	t.readAbove()
	return added
}

// readAbove finds what holds in the trees from above: the repository, and its patterns.
func (t *tree) readAbove() {
	t.nextLost = time.Time{}
	clear(t.outer)
	for _, r := range t.roots {
		if r.lost {
			t.nextLost = time.Now().Add(lostPoll)
			continue
		}
		r.lock = ""
		if _, git := gitTop(r.real); git != "" {
			r.lock = filepath.Join(git, "index.lock")
		}
		r.outer = nil
		if t.w.o.Gitignore {
			var files []string
			r.outer, files = outerIgnore(r.real)
			for _, f := range files {
				t.outer[f], _ = lstat(f)
			}
		}
	}
}

// realDir is the directory that a path leads to.
func realDir(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return real, err
	}
	if st, err := lstat(real); err == nil && st.Kind == kindDir {
		return real, nil
	}
	return mountedAt(real)
}

// lose says that a tree is not there, and keeps what was known of it.
func (t *tree) lose(r *root) {
	if r.lost {
		return
	}
	r.lost = true
	t.takeAway(r)
	t.notice(Notice{
		Kind:    RootLost,
		Message: fmt.Sprintf("%s is gone: waiting for it to come back", r.given[0]),
	})
}

// takeAway drops all of a tree. Its files are not reported as removed, but
// compared with what is there when it is back.
func (t *tree) takeAway(r *root) {
	if d := t.nodes[r.real]; d != nil {
		t.drop(d)
	}
	if r.held == nil {
		r.held = map[string]*change{}
	}
	for path, c := range t.pending {
		if _, ok := relTo(r.real, path); ok {
			r.held[path] = c
			delete(t.pending, path)
		}
	}
}

func (t *tree) regain(r *root, real string) {
	for path, c := range r.held {
		rel, _ := relTo(r.real, path)
		now := filepath.Join(real, filepath.FromSlash(rel))
		if p := t.pending[now]; p != nil {
			p.base = c.base
			continue
		}
		at, _ := splitPath(now)
		c.dir = &dir{path: at, rules: rules{root: r}}
		t.pending[now] = c
		t.fresh = append(t.fresh, now)
	}
	t.relevant = t.relevant || len(r.held) > 0
	t.rescan = true
	r.held, r.real, r.lost = nil, real, false
}

// rootOf is the innermost tree that holds the real path.
func (t *scoping) rootOf(path string) *root {
	for _, r := range slices.Backward(t.roots) {
		if _, ok := relTo(r.real, path); !r.lost && (ok || r.real == path) {
			return r
		}
	}
	return nil
}

func (t *tree) visitRoot(r *root, added bool) {
	d := t.nodes[r.real]
	if d != nil && d.pass == t.passNo && d.deep {
		return // met inside an outer tree
	}
	if d != nil {
		if st, err := lstat(r.real); err != nil || st.ID != d.id {
			t.drop(d)
			t.rescan = true
		}
	}
	up, _ := splitPath(r.real)
	var above *dir
	if outer := t.rootOf(up); outer != nil && up != r.real {
		above = t.chain(up, outer)
	}
	t.visit(r.real, above, r, entry{deep: true}, mode{quiet: added})
}

// visit makes path a node that counts as how says, and reads it: all of it if
// it is new, the names alone in a rescope.
func (t *tree) visit(path string, up *dir, r *root, how entry, m mode) {
	for _, other := range t.roots {
		if other.real == path && !other.lost {
			r = other
		}
	}
	d := t.nodes[path]
	if how.kept == SkipLink && !t.mayEnter(path) {
		return
	}
	if d == nil {
		if d = t.newNode(path, up, r); d != nil {
			d.let(how)
			t.list(d, mode{quiet: m.quiet})
		}
		return
	}
	was, before := t.was[d]
	t.touch(d)
	t.adopt(d, up)
	d.root = r
	d.let(how)
	if before {
		t.list(d, mode{was: &was, names: true})
	} else {
		t.list(d, mode{quiet: m.quiet})
	}
}

// touch marks a node as wanted; at the first time in a rescope it starts from nothing.
func (t *tree) touch(d *dir) {
	if d.pass != t.passNo {
		d.pass = t.passNo
		d.rules = rules{}
		d.also, d.ways = nil, nil
	}
}

func (t *tree) adopt(d, up *dir) {
	if up == nil || d.up == up {
		return
	}
	d.up = up
	if up.subs == nil {
		up.subs = map[string]*dir{}
	}
	_, name := splitPath(d.path)
	up.subs[name] = d
}

// chain makes path, and what lies between it and the tree r, nodes: at least
// hidden ones, so that a rename on the way is noticed.
func (t *tree) chain(path string, r *root) *dir {
	d := t.nodes[path]
	if d != nil && d.pass == t.passNo {
		return d
	}
	var up *dir
	if r != nil && path != r.real {
		at, _ := splitPath(path)
		if up = t.chain(at, r); up == nil {
			return nil
		}
	}
	// It came to be after its parent was read: not hidden at all.
	if _, name := splitPath(path); up != nil {
		if how := t.enters(&up.rules, &t.scope, up, path, name); how != (entry{}) {
			t.visit(path, up, r, how, mode{})
			return t.nodes[path]
		}
	}
	if d = t.nodes[path]; d == nil {
		return t.newNode(path, up, r)
	}
	t.touch(d)
	t.adopt(d, up)
	d.root = r
	return d
}

// resolveDirs finds out where Scope.Dirs lead.
func (t *tree) resolveDirs() {
	before := map[string]*named{}
	for _, n := range t.named {
		before[n.given] = n
	}
	t.named = t.named[:0:0]
	for _, given := range t.scope.Dirs {
		prev := before[given]
		n := &named{given: given}
		t.named = append(t.named, n)
		real, err := realDir(given)
		if err == nil && t.visitNamed(given, real, prev == nil) {
			n.real = real
			n.link = t.pivotLinks(given, real)
		} else {
			t.await(given)
		}
		if prev != nil && prev.real != n.real && (prev.link || n.link) {
			n.link = true // also while there is nothing
			t.turn(given, prev.real, n.real)
		}
	}
}

// visitNamed makes real a node whose own files count.
func (t *tree) visitNamed(given, real string, added bool) bool {
	r := t.rootOf(real)
	d := t.nodeFor(real, r)
	if d == nil {
		return false
	}
	if !d.own && !d.deep {
		d.own, d.root = true, r
		if was, before := t.was[d]; before {
			t.list(d, mode{was: &was, names: true})
		} else {
			t.list(d, mode{quiet: added})
		}
	}
	d.own = true
	if !slices.Contains(d.also, given) {
		d.also = append(d.also, given)
	}
	return true
}

// nodeFor makes the directory real, which the tree r holds if it is not nil, a node of this
// rescope. Nothing says yet how it counts.
func (t *tree) nodeFor(real string, r *root) *dir {
	d := t.nodes[real]
	switch {
	case d != nil && d.pass == t.passNo:
		return d
	case r != nil:
		return t.chain(real, r)
	case d != nil:
		t.touch(d)
		return d
	}
	up, _ := splitPath(real)
	return t.newNode(real, t.nodes[up], nil)
}

// pivotLinks finds the links on the way to a directory: when one of them is
// turned, the directory is another one. It reports whether there are any beside
// those in the tree's own name, which check looks at.
func (t *tree) pivotLinks(given, real string) bool {
	if given == real {
		return false
	}
	if r := t.rootOf(real); r != nil {
		for _, g := range r.given {
			if rel, ok := relTo(g, given); ok && filepath.Join(r.real, filepath.FromSlash(rel)) == real || g == given {
				return false
			}
		}
	}
	for at := given; ; {
		up, name := splitPath(at)
		if name == "" || up == at {
			return true
		}
		if st, err := lstat(at); err == nil && st.Kind == kindLink {
			if realUp, err := filepath.EvalSymlinks(up); err == nil {
				if in := t.rootOf(realUp); in != nil && t.chain(realUp, in) != nil {
					t.pivots[join(realUp, name)] = st
					if now, _ := lstat(at); now != st {
						t.again = true // turned before it was watched for
					}
				}
			}
		}
		at = up
	}
}

// await watches the nearest directory above one that is not there yet.
func (t *tree) await(given string) {
	for at := given; ; {
		up, name := splitPath(at)
		if name == "" || up == at {
			return
		}
		if real, err := filepath.EvalSymlinks(up); err == nil {
			path := join(real, name)
			if r := t.rootOf(real); r != nil {
				t.chain(real, r)
			} else if d := t.nodes[real]; d != nil {
				t.touch(d)
			} else {
				t.newNode(real, nil, nil)
			}
			t.pivots[path], _ = lstat(path)
			if st, err := follow(path); err == nil && st.Kind == kindDir {
				t.again = true // made before it was watched for
			}
			return
		}
		at = up
	}
}

// turn reports what became other files because a directory link leads elsewhere
// now. from or to is empty if it led, or leads, nowhere. What happens to the
// directories themselves is noted where it is found.
func (t *tree) turn(given, from, to string) {
	old, now := map[string]Sum{}, map[string]Sum{}
	if d := t.nodes[from]; d != nil {
		for name, f := range d.files {
			old[join(given, name)] = t.reported(d, name, f)
		}
	}
	if d := t.nodes[to]; d != nil {
		for name, f := range d.files {
			if t.pending[d.join(name)] != nil && from == "" {
				continue
			}
			if t.read(d, name, f); d.files[name] != nil {
				now[join(given, name)] = f.known()
			}
		}
	}
	t.differ(old, now)
}

// reported is the content of a file that was reported last.
func (t *tree) reported(d *dir, name string, f *file) Sum {
	if c := t.pending[d.join(name)]; c != nil {
		return c.base
	}
	return f.known()
}

// sweepNodes lets go of what the rescope did not ask for: silently, unless the
// reason is that the directory has gone and its event is still on the way.
func (t *tree) sweepNodes() {
	for _, d := range t.sorted(nil) {
		if !t.alive(d) {
			continue
		}
		if d.pass != t.passNo {
			if t.linkDir[d.path] == 0 {
				st, err := lstat(d.path)
				if gone(err) || err == nil && (st.Kind != kindDir || st.ID != d.id) {
					t.drop(d)
					continue
				}
				for name, f := range d.files {
					t.forgetQuietly(d, name, f)
				}
				t.unlink(d)
				continue
			}
			t.touch(d)
		}
		if !d.counts() {
			for name, f := range d.files {
				t.forgetQuietly(d, name, f)
			}
			d.files = nil
		}
	}
	for at := range t.linkDir {
		t.watchLinkDir(at)
	}
}

// checkRoots notices trees whose node was dropped.
func (t *tree) checkRoots() {
	for _, r := range t.roots {
		if !r.lost && t.nodes[r.real] == nil {
			t.again = true
		}
	}
}

// check compares what no event reports: whether the names still lead to the
// same directories (a mount, a rename further up), and the ignore files above.
func (t *tree) check() {
	same := func(given, real string) bool {
		d := t.nodes[real]
		st, err := follow(given)
		return d != nil && err == nil && st.Kind == kindDir && st.ID == d.id
	}
	for _, r := range t.roots {
		if r.lost {
			continue // has its own clock
		}
		for _, g := range r.given {
			if !same(g, r.real) {
				t.again = true
			}
		}
	}
	for _, n := range t.named {
		if n.real != "" && t.rootOf(n.real) == nil && !same(n.given, n.real) {
			t.again = true
		}
	}
	for path, was := range t.outer {
		if st, _ := lstat(path); st != was {
			t.again = true
		}
	}
	t.checkWays()
}

// readRules puts together the patterns that hold in d.
func (t *tree) readRules(d *dir, entries []dirEntry) {
	d.ignore = nil
	if !t.w.o.Gitignore || d.root == nil {
		return
	}
	var up *ignoreFile
	if d.up != nil {
		up = d.up.ignore
	}
	git, own := false, false
	for _, e := range entries {
		git = git || e.Name() == ".git"
		own = own || e.Name() == ".gitignore"
	}
	d.ignore = ignoreIn(d.root, d.path, up, git, own)
}
