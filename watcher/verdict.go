package watcher

import (
	"fmt"
	"path/filepath"
	"slices"
)

// What counts is decided here, for the watcher that meets a name and for Ignored, which is asked
// about one. So the two cannot disagree.

// rules say what of a directory counts.
type rules struct {
	deep   bool  // all below it counts, minus what is ignored
	own    bool  // its own files count, whatever git says (Scope.Dirs); of no account if deep
	kept   Skip  // not 0: entered because Scope.Enter says so; of what is in it counts what Keep and Enter name
	root   *root // tree that it is in; nil outside
	ignore *ignoreFile
}

// counts reports whether files are looked at. Otherwise the directory is hidden:
// watched only for the sake of something below it, or of a link's target.
func (r *rules) counts() bool { return r.deep || r.own || r.kept != 0 }

func (r *rules) let(how entry) {
	r.deep = r.deep || how.deep
	if how.kept != 0 {
		r.kept = how.kept
	}
}

// entry is how a directory counts: by default, or because Scope.Enter says so.
type entry struct {
	deep bool
	kept Skip
}

// below is why the content of a directory is skipped that was entered anyway.
func below(why Skip) Skip {
	if why == SkipLink {
		return SkipLink
	}
	return SkipGit
}

// obstacle is why a name is skipped by default. The zero obstacle: it is not.
type obstacle struct {
	skip Skip
	glob *glob       // of SkipExclude
	in   *ignoreFile // of SkipGit
	line *ignoreLine
	name string // of SkipNoise and SkipLink
}

// text is the obstacle for people; "" if it is that of a directory above.
func (o obstacle) text() string {
	switch {
	case o.glob != nil:
		return "exclude pattern " + o.glob.text
	case o.line != nil:
		return fmt.Sprintf("%s:%d: %s", o.in.label, o.line.number, o.line.text)
	case o.name != "" && o.skip == SkipNoise:
		return noiseDir(o.name)
	case o.name != "":
		return "behind " + o.name + ", a link to a directory that no rule reaches into"
	}
	return ""
}

// patterns says which pattern rules out a name, if any does.
func (w *Watcher) patterns(r *rules, path, name string, isDir bool) obstacle {
	if r.root != nil && len(w.exclude) > 0 {
		if rel, ok := relTo(r.root.real, path); ok {
			for i := range w.exclude {
				if w.exclude[i].match(rel, name, isDir) {
					return obstacle{skip: SkipExclude, glob: &w.exclude[i]}
				}
			}
		}
	}
	if in, line := r.ignore.match(path, name, isDir); line != nil && !line.negated {
		return obstacle{skip: SkipGit, in: in, line: line}
	}
	return obstacle{}
}

// enters says whether, and how, a directory is entered, and what is in the way of that. names
// returns all of its names.
func (w *Watcher) enters(r *rules, s *Scope, path, name string, names func(string) []string) (entry, obstacle) {
	if !r.deep && r.kept == 0 {
		return entry{}, obstacle{}
	}
	o := w.patterns(r, path, name, true)
	switch {
	case o.skip != SkipExclude && noiseDir(name) != "":
		o = obstacle{skip: SkipNoise, name: name}
	case o.skip == 0 && r.deep:
		return entry{deep: true}, o
	case o.skip == 0:
		o.skip = r.kept
	}
	if !s.enter(names(name), o.skip) {
		return entry{}, o
	}
	return entry{kept: below(o.skip)}, o
}

// follows is enters for a link to a directory.
func (w *Watcher) follows(r *rules, s *Scope, path, name string, names func(string) []string) (entry, obstacle) {
	o := w.patterns(r, path, name, false)
	switch {
	case o.skip != SkipExclude && noiseDir(name) != "":
		o = obstacle{skip: SkipNoise, name: name}
	case o.skip == 0:
		o = obstacle{skip: SkipLink, name: name}
	}
	if !s.enter(names(name), o.skip) {
		return entry{}, o
	}
	return entry{kept: below(o.skip)}, o
}

// takes reports whether a file counts, and what is in the way of that.
func (w *Watcher) takes(r *rules, s *Scope, path, name string, names func(string) []string) (bool, obstacle) {
	if noiseFile(name) != "" {
		return false, obstacle{}
	}
	o := w.patterns(r, path, name, false)
	switch {
	case r.deep && o.skip == 0:
		return true, o
	case r.own && !r.deep && o.skip != SkipExclude:
		return true, o // the directory is ignored or outside: what git says of its files does not count
	case !r.counts():
		return false, o
	case o.skip == 0:
		o.skip = r.kept
	}
	return s.Keep != nil && slices.ContainsFunc(names(name), func(p string) bool { return s.Keep(p, o.skip) }), o
}

func (s *Scope) enter(names []string, why Skip) bool {
	return s.Enter != nil && slices.ContainsFunc(names, func(p string) bool { return s.Enter(p, why) })
}

// ignoreIn puts together the patterns of git that hold in a directory of the tree r. up are those
// of the directory above; git and own say whether it has a .git and a .gitignore.
func ignoreIn(r *root, dir string, up *ignoreFile, git, own bool) *ignoreFile {
	f := up
	switch {
	case dir == r.real:
		f = r.outer
	case git: // a repository in the repository: the outer patterns end here
		f = nil
		if _, git := gitTop(dir); git != "" {
			f = readIgnore(nil, filepath.Join(git, "info", "exclude"), dir, ".git/info/exclude")
		}
	}
	if own {
		path := join(dir, ".gitignore")
		label, _ := relTo(r.real, path)
		f = readIgnore(f, path, dir, label)
	}
	return f
}
