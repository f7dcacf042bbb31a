package engine

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/watcher"
)

// RuleNote says that a path of a rule matches no file, and what to do about it.
type RuleNote struct {
	Glob    string `json:"glob"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// CheckRules finds the paths of rules that match no file, as a session would.
func CheckRules(ctx context.Context, c *config.Config, services []config.Service) ([]RuleNote, error) {
	e := &Engine{opt: Options{Config: c}, root: c.Root}
	e.conf.Store(c)
	var list []*service
	for _, s := range services {
		v := &service{engine: e, name: s.Name}
		v.conf.Store(&settings{Service: s, rules: compileRules(c.Root, s.Rules)})
		list = append(list, v)
	}
	e.roster.Store(newRoster(list))
	w, err := e.newWatcher(c)
	if err != nil {
		return nil, err
	}
	return e.ruleNotes(ctx, w), nil
}

// sayRules says once which paths of rules match no file.
func (e *Engine) sayRules() {
	for _, n := range e.ruleNotes(e.ctx, e.watch()) {
		e.say(event.Problem{Message: n.Message, Hint: n.Hint})
	}
}

// ruleNotes is the one place that decides which paths of rules match nothing. It asks the
// watcher for the files that count: what it does not have, no rule will ever hear of.
func (e *Engine) ruleNotes(ctx context.Context, w *watcher.Watcher) []RuleNote {
	var globs []glob
	for _, v := range e.all() {
		for _, r := range v.conf.Load().rules {
			for _, g := range parseGlobs(r.paths) {
				if !slices.ContainsFunc(globs, func(o glob) bool { return o.text == g.text }) {
					globs = append(globs, g)
				}
			}
		}
	}
	if len(globs) == 0 || w == nil {
		return nil
	}
	files := w.Files(ctx)
	if ctx.Err() != nil {
		return nil
	}
	names := make([]string, 0, len(files))
	for _, f := range files {
		if rel, ok := e.slashRel(f); ok {
			names = append(names, rel)
		}
	}
	var out []RuleNote
	for _, g := range globs {
		if !slices.ContainsFunc(names, g.match) {
			out = append(out, e.unmatched(g, names, w))
		}
	}
	return out
}

// unmatched says why a glob that matches none of the names does not.
func (e *Engine) unmatched(g glob, names []string, w *watcher.Watcher) RuleNote {
	note := func(hint, format string, args ...any) RuleNote {
		return RuleNote{Glob: g.text, Message: fmt.Sprintf("the rule path %q ", g.text) + fmt.Sprintf(format, args...), Hint: hint}
	}
	if slashed := strings.ReplaceAll(g.text, `\`, "/"); slashed != g.text {
		other := parseGlobs([]string{slashed})[0]
		if slices.ContainsFunc(names, other.match) || !strings.ContainsAny(strings.ReplaceAll(g.text, `\`, ""), globMeta) {
			return note(fmt.Sprintf("write %q", slashed), `matches no file: \ does not separate directories`)
		}
	}
	if strings.HasPrefix(g.text, "../") {
		dir := strings.Join(g.elems[:g.named], "/")
		if _, err := os.Stat(e.abs(dir)); err == nil && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, dir+"/") }) {
			return note(fmt.Sprintf("add it to watch.include: %q", dir), "matches no file: %q is outside the project and not watched", dir)
		}
	}
	if fi, err := os.Stat(e.abs(g.text)); err == nil && fi.IsDir() {
		return note(fmt.Sprintf("name the files in it: %q", g.text+"/**"), "matches no file: it is a directory")
	}
	if deep := "**/" + g.text; !strings.HasPrefix(g.text, "**/") {
		other := glob{text: deep}
		if i := slices.IndexFunc(names, other.match); i >= 0 {
			return note(fmt.Sprintf("write %q for any directory", deep), "matches no file: it is relative to the root, and there is only %q", names[i])
		}
	}
	if dir := strings.Join(g.elems[:g.named], "/"); dir != "" {
		if _, err := os.Stat(e.abs(dir)); err != nil {
			return note("it counts as soon as such a file appears", "matches no file now: there is no directory %q", dir)
		}
	}
	if path := e.ignoredMatch(g); path != "" {
		if why, ignored := w.Ignored(path); ignored {
			return note("change the rule, or what ignores the file", "matches only files that are ignored, such as %q (%s)", filepath.ToSlash(e.rel(path)), why)
		}
	}
	return note("it counts as soon as such a file appears; a rule reaches into directories that Git ignores only if it names them", "matches no file now")
}

// maxSearch is how many files are looked at to find one that a rule would match if it were not ignored.
const maxSearch = 5000

// ignoredMatch finds a file that the glob matches; "" if there is none, or too much to look through.
func (e *Engine) ignoredMatch(g glob) (found string) {
	left := maxSearch
	dir := e.abs(filepath.Join(filepath.FromSlash(strings.Join(g.elems[:g.named], "/")), "."))
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		rel, ok := e.slashRel(path)
		if err != nil || !ok {
			return nil
		}
		if d.IsDir() {
			if rel != "." && path != dir && !reaches(g.elems, strings.Split(rel, "/")) {
				return fs.SkipDir
			}
			return nil
		}
		if g.match(rel) {
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}
