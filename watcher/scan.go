package watcher

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
)

// mode says how a scan treats what it finds.
type mode struct {
	quiet bool   // what is new is taken as known
	was   *rules // in a rescope: what held before; new is only what it would have let pass
	names bool   // known files are not compared
	light bool   // in polling: known files that cannot matter are not compared
}

// enters says whether, and how, the directory name in d is entered, under rules and a scope
// that need not be the present ones.
func (t *tree) enters(r *rules, s *Scope, d *dir, path, name string) entry {
	how, _ := t.w.enters(r, s, path, name, d.names)
	return how
}

// takes reports whether the file name in d counts, under rules and a scope that need not be
// the present ones.
func (t *tree) takes(r *rules, s *Scope, d *dir, path, name string) bool {
	counts, _ := t.w.takes(r, s, path, name, d.names)
	return counts
}

// newNode watches path and makes it a node, or returns nil. It does not list it.
func (t *tree) newNode(path string, up *dir, r *root) *dir {
	st, err := lstat(path)
	for range 4 {
		if err != nil || st.Kind != kindDir {
			if err != nil && !gone(err) {
				t.bad(path)
			}
			return nil
		}
		if !t.releaseMoved(path, up, st.ID) {
			return nil
		}
		watched, err := t.watch(path, st.ID.Dev)
		if err != nil {
			if !gone(err) {
				t.bad(path)
			}
			return nil
		}
		// The name may have been bound to another directory before it was watched.
		before := st
		if st, err = lstat(path); err != nil || st.Kind != kindDir || st.ID != before.ID {
			if watched {
				t.be.remove(path, st.ID)
				t.watches--
			}
			continue
		}
		return t.bind(&dir{path: path, id: st.ID, up: up, watched: watched, rules: rules{root: r}})
	}
	return nil // replaced again and again: its events will lead here once more
}

// releaseMoved is rule B: an inode that is known under another path has moved to path. That other
// path's watch must go first, since inotify gives the same descriptor again and fsnotify keeps the
// old name for it. false: path cannot be a node.
func (t *tree) releaseMoved(path string, up *dir, id fileID) bool {
	q := t.byID[id]
	if q == nil || !id.Known() || q.path == path || t.w.test.noRuleB {
		return true
	}
	if leadsTo(q.path, id) {
		return false // one directory mounted at two places: the first one counts
	}
	t.drop(q)
	// The directory above may have been replaced by a link, through which its own new place was
	// met. A node here would be below nothing, and no event would end it.
	return up == nil || t.alive(up)
}

// bind makes d known.
func (t *tree) bind(d *dir) *dir {
	t.made++
	d.turn, d.pass = t.made%slowTurns, t.passNo
	t.nodes[d.path] = d
	if d.id.Known() {
		t.byID[d.id] = d
	}
	if d.up != nil {
		if d.up.subs == nil {
			d.up.subs = map[string]*dir{}
		}
		_, name := splitPath(d.path)
		d.up.subs[name] = d
	}
	delete(t.unreadable, d.path)
	return d
}

// leadsTo reports whether path is the directory, without a link on the way: a node that was made just when a directory
// above it became a link is no second place, and must not keep the true one from being watched.
func leadsTo(path string, id fileID) bool {
	st, err := lstat(path)
	if err != nil || st.Kind != kindDir || st.ID != id {
		return false
	}
	real, err := filepath.EvalSymlinks(path)
	return err == nil && real == path
}

// drop forgets a directory with all below: watches, files, and links. Its files
// are noted as changed; if they are found again with the same content, they are not.
func (t *tree) drop(d *dir) {
	for _, sub := range d.subs {
		t.drop(sub)
	}
	t.unwatchFiles(d) // after a rename of the directory they are watched under these names still
	for name, f := range d.files {
		t.forget(d, name, f)
	}
	if t.linkDir[d.path] > 0 {
		for target, links := range t.targets {
			if at, _ := splitPath(target); at == d.path {
				t.relink = append(t.relink, links...)
			}
		}
	}
	t.unlink(d)
	if d.own || !d.counts() || len(d.ways) > 0 || d.root != nil && d.root.real == d.path {
		t.again = true // the scope asks for it: find out where it is now
	}
}

// unwatchFiles ends the watches of the files in d, where they have their own.
func (t *tree) unwatchFiles(d *dir) {
	if !t.q.watchesFiles || !d.watched {
		return
	}
	for name, f := range d.files {
		t.be.remove(d.join(name), f.st.ID)
	}
}

// unlink takes one node out, and leaves those below as they are.
func (t *tree) unlink(d *dir) {
	t.entries -= d.entries
	d.entries = 0
	if d.watched {
		t.be.remove(d.path, d.id)
		t.watches--
		t.full = false
	}
	delete(t.nodes, d.path)
	if t.byID[d.id] == d {
		delete(t.byID, d.id)
	}
	if d.up != nil {
		_, name := splitPath(d.path)
		if d.up.subs[name] == d {
			delete(d.up.subs, name)
		}
		d.up.listed = 0 // another one may have the name by now
	}
	for _, sub := range d.subs {
		sub.up = nil
	}
	d.subs = nil
}

// list reads d and reconciles it. Known files are compared, unless m.names;
// known directories are looked at only in a rescope.
func (t *tree) list(d *dir, m mode) {
	// A directory's own mtime could say that the listing is the old one, but
	// not on FAT, nor through some shares; and reading it is the smaller part of a scan.
	if t.w.test.listing != nil {
		t.w.test.listing(d.path)
	}
	listed := int64(0)
	if st, err := lstat(d.path); err == nil {
		listed = st.Mtime // from before: what comes while it is listed makes it another
	}
	entries, err := readDir(d.path)
	switch {
	case err == nil:
		d.listed = listed
		t.reconcile(d, entries, m)
	case gone(err):
		t.drop(d)
	case errors.Is(err, fs.ErrPermission):
		t.bad(d.path)
	}
}

type dirEntry = fs.DirEntry

// readDir is os.ReadDir without the sorting.
func readDir(path string) ([]dirEntry, error) {
	f, err := files.OpenShared(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// trusted: a file's times are too young to be trusted when another change could still
// get the same ones. Either can be the one that gives a change away: a tool can set the
// modification time back, and not every system has a change time.
func trusted(st stat) bool {
	now := time.Now().UnixNano()
	old := func(at int64) bool { return now-at >= racyAge || at-now >= racyAge }
	return old(st.Mtime) && old(st.Ctime)
}

func (t *tree) reconcile(d *dir, entries []dirEntry, m mode) {
	t.entries += len(entries) - d.entries
	d.entries = len(entries)
	fresh := d.files == nil
	if fresh {
		d.files = make(map[string]*file)
	}
	if d.deep && (fresh || m.was != nil) {
		t.readRules(d, entries)
	}
	// Rule A again: what has gone is released before anything is added.
	if t.w.test.noRuleA {
		defer t.releaseGone(d, entries)
	} else {
		t.releaseGone(d, entries)
	}
	unhashed := false
	for _, e := range entries {
		if !t.alive(d) {
			return // found to have moved, by what was met below it
		}
		name := e.Name()
		switch filestat.KindOf(e.Type()) {
		case kindDir:
			t.reconcileDir(d, name, m)
		case kindFile, kindLink:
			if e.Type()&fs.ModeSymlink != 0 {
				t.meet(d, name)
			}
			t.reconcileFile(d, name, m)
			if f := d.files[name]; f != nil && !f.hashed && !f.dirty {
				unhashed = true
			}
		}
	}
	if unhashed {
		t.hash.todo = append(t.hash.todo, d)
	}
}

// releaseGone drops what was in d and is not among its entries.
func (t *tree) releaseGone(d *dir, entries []dirEntry) {
	if len(d.files)+len(d.subs) == 0 {
		return
	}
	there := make(map[string]fs.FileMode, len(entries))
	for _, e := range entries {
		there[e.Name()] = e.Type()
	}
	for name, sub := range d.subs {
		if typ, ok := there[name]; !ok || !typ.IsDir() {
			t.drop(sub)
		}
	}
	for name, f := range d.files {
		if typ, ok := there[name]; !ok || typ.IsDir() {
			t.forget(d, name, f)
		}
	}
}

func (t *tree) reconcileDir(d *dir, name string, m mode) {
	sub := d.subs[name]
	if sub != nil && m.was == nil {
		return // looked at in its own turn
	}
	path := d.join(name)
	how := t.enters(&d.rules, &t.scope, d, path, name)
	if how == (entry{}) {
		return
	}
	if m.was != nil && !m.quiet && t.enters(m.was, &t.before, d, path, name) == (entry{}) {
		m.quiet = true // newly let in
	}
	t.visit(path, d, d.root, how, m)
}

func (t *tree) reconcileFile(d *dir, name string, m mode) {
	f := d.files[name]
	if f != nil && m.was != nil && !t.takes(&d.rules, &t.scope, d, d.join(name), name) {
		t.forgetQuietly(d, name, f)
		return
	}
	if f != nil && (m.names || m.light && f.minor) {
		return
	}
	path := d.join(name)
	if f == nil {
		if !t.takes(&d.rules, &t.scope, d, path, name) {
			return
		}
		if m.was != nil && !t.takes(m.was, &t.before, d, path, name) {
			m.quiet = true
		}
	}
	st, err := lstat(path)
	if err != nil {
		if f != nil && gone(err) {
			t.forget(d, name, f)
		}
		return
	}
	t.syncFile(d, path, name, st, 0, m)
}

// syncEntry reconciles one name in d with the truth.
func (t *tree) syncEntry(d *dir, name string, o op) {
	path := d.join(name)
	st, err := lstat(path)
	f, sub := d.files[name], d.subs[name]
	if err != nil {
		if !gone(err) {
			return
		}
		delete(t.unreadable, path)
		if sub != nil {
			t.drop(sub)
		}
		if f != nil {
			t.forget(d, name, f)
		}
		return
	}
	if sub != nil && (st.Kind != kindDir || st.ID != sub.id) {
		t.drop(sub)
		sub = nil
	}
	switch st.Kind {
	case kindDir:
		if f != nil {
			t.forget(d, name, f)
		}
		if sub == nil {
			if how := t.enters(&d.rules, &t.scope, d, path, name); how != (entry{}) {
				t.visit(path, d, d.root, how, mode{})
			}
		}
	case kindFile, kindLink:
		if st.Kind == kindLink {
			t.meet(d, name)
		}
		if f == nil && !t.takes(&d.rules, &t.scope, d, path, name) {
			return
		}
		t.syncFile(d, path, name, st, o, mode{})
	default:
		if f != nil {
			t.forget(d, name, f)
		}
	}
}

// syncFile compares the file, or the link to one, that st was found for.
func (t *tree) syncFile(d *dir, path, name string, st stat, o op, m mode) {
	f := d.files[name]
	link := st.Kind == kindLink
	if link {
		var ok bool
		if st, ok = t.followLink(path, f == nil || !f.link || o&opBound != 0); !ok {
			if f != nil {
				t.forget(d, name, f)
			}
			return
		}
	} else if f != nil && f.link {
		t.untrack(path)
	}
	if st.Kind != kindFile {
		return
	}
	if f == nil {
		t.newFile(d, path, name, &file{link: link}, st, m)
		return
	}
	f.link = link
	if o&(opWrite|opBound) == 0 && f.st.Same(st) {
		t.unseen(d, path, name, f)
		return
	}
	t.note(d, path, name, f.known())
	f.set(st)
	f.dirty = true
	t.rulesFile(d, name)
}

// newFile takes in a file that was not there.
func (t *tree) newFile(d *dir, path, name string, f *file, st stat, m mode) {
	f.set(st)
	d.files[name] = f
	d.judged = false
	t.nfiles++
	if m.quiet && t.pending[path] == nil {
		switch {
		case st.Size > t.w.o.MaxHash:
			f.sum, f.hashed = statSum(st), true
		case f.racy && !d.watched:
			t.read(d, name, f) // no event will report a write that its stat hides
		}
		return
	}
	f.dirty = true
	t.note(d, path, name, Sum{})
	t.rulesFile(d, name)
}

// unseen reads a file whose stat is as before, if that could hide a write (git's rule).
//
// A file whose content is not known yet has nothing to be compared with; what is read here could
// already be a write whose event is still to come, and would then be taken for what was there
// before.
func (t *tree) unseen(d *dir, path, name string, f *file) {
	if !f.racy || f.dirty || !f.hashed {
		return
	}
	old := f.sum
	t.read(d, name, f)
	if f := d.files[name]; f != nil && f.sum == old {
		return
	}
	t.note(d, path, name, old)
}

// rulesFile: a changed .gitignore changes what counts.
func (t *tree) rulesFile(d *dir, name string) {
	if name == ".gitignore" && t.w.o.Gitignore && d.deep {
		t.again = true
	}
}

func (f *file) set(st stat) {
	f.st = st
	f.racy = !trusted(st)
}

// of is the sum of f when its content has the given one. A link in the place of a file is a change, though it leads to the same
// content: `go build` refuses to embed it.
func (f *file) of(content Sum) Sum {
	if f.link {
		content[0] ^= 0xff
	}
	return content
}

// read brings f up to date with the content.
func (t *tree) read(d *dir, name string, f *file) {
	path := d.join(name)
	sum, st, err := sumFile(path, t.w.o.MaxHash, t.buf, t.w.test.reading)
	for range 3 {
		// The events of a save that is being read are on their way. They must find this very
		// state, or the file is read once more for them.
		if now, e := follow(path); err != nil || e != nil || now == st {
			break
		}
		sum, st, err = sumFile(path, t.w.o.MaxHash, t.buf, t.w.test.reading)
	}
	switch {
	case err == nil:
		f.set(st)
		f.sum = f.of(sum)
	case errors.Is(err, errBig):
		f.set(st)
		f.racy = false
		f.sum = statSum(st)
	case gone(err) || errors.Is(err, errNoFile):
		t.forget(d, name, f)
		return
	case files.Locked(err) && f.tries < maxTries:
		f.tries++
		f.dirty = true
		t.later = append(t.later, path)
		t.readAgain = time.Now().Add(tryEvery)
		return
	default: // no permission, or an error of the disk
		if st, err := follow(path); err == nil {
			f.set(st)
		}
		f.sum = statSum(f.st)
	}
	f.hashed, f.dirty, f.tries = true, false, 0
}

// readLater reads again what another program had open and did not share.
func (t *tree) readLater() {
	paths := t.later
	t.later = nil
	for _, path := range paths {
		at, name := splitPath(path)
		d := t.nodes[at]
		if d == nil {
			continue
		}
		f := d.files[name]
		switch {
		case f == nil || !f.dirty:
		case f.hashed || t.pending[path] != nil:
			t.note(d, path, name, f.known())
		default: // found, and taken for known
			t.read(d, name, f)
		}
	}
}

// note remembers that a file may differ from what was reported.
func (t *tree) note(d *dir, path, name string, base Sum) {
	c := t.pending[path]
	if c == nil {
		c = &change{base: base, name: name}
		t.pending[path] = c
	}
	c.dir = d
	if t.minorFile(d, name) {
		t.minor = true
		return
	}
	if t.look.at != nil && c.unheard == "" {
		c.unheard = t.suspect(path)
	}
	if !t.burst.opened && !c.next {
		c.next = true
		t.fresh = append(t.fresh, path)
	}
	t.relevant = true
}

func (t *tree) forget(d *dir, name string, f *file) {
	path := d.join(name)
	t.note(d, path, name, f.known())
	t.removeFile(d, path, name, f)
	t.rulesFile(d, name)
}

func (t *tree) forgetQuietly(d *dir, name string, f *file) {
	path := d.join(name)
	delete(t.pending, path)
	t.removeFile(d, path, name, f)
}

func (t *tree) removeFile(d *dir, path, name string, f *file) {
	if f.link {
		t.untrack(path)
	}
	delete(d.files, name)
	d.judged = false
	t.nfiles--
}

// refresh looks at one known directory and its files.
func (t *tree) refresh(d *dir, m mode) {
	if !t.alive(d) {
		return
	}
	st, err := lstat(d.path)
	if err != nil && !gone(err) {
		return
	}
	expected := d.watched // events of it
	if err == nil && st.Kind == kindDir && st.ID == d.id && !d.watched {
		// After a resync, or when a limit was in the way.
		if watched, err := t.watch(d.path, d.id.Dev); err == nil && watched {
			d.watched = true
			st, err = lstat(d.path)
			if err != nil && !gone(err) {
				return
			}
		}
	}
	if err != nil || st.Kind != kindDir || st.ID != d.id {
		up := d.up
		_, name := splitPath(d.path)
		t.drop(d)
		if up != nil && t.alive(up) && up.counts() {
			t.syncEntry(up, name, opBound)
		} else {
			t.again = true
		}
		return
	}
	if d.counts() {
		if expected {
			t.look.at = d
			defer func() { t.look.at = nil }()
		}
		t.list(d, m)
	}
}
