package relevance

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
	"github.com/hotreload/hotreload/internal/plan"
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
	var list []*Subject
	for _, s := range services {
		list = append(list, NewSubject(NewSettings(s, nil), nil, nil))
	}
	j := New(Options{Config: c})
	j.subjects.Store(&list)
	w, err := watcher.New(j.watcherOptions(c))
	if err != nil {
		return nil, err
	}
	return j.ruleNotes(ctx, w), nil
}

// ReportRules reports which paths of rules match no file. It does not wait.
func (j *Judge) ReportRules() {
	w := j.watch()
	if w == nil {
		return
	}
	j.spawn(func() {
		for _, n := range j.ruleNotes(j.ctx, w) {
			j.say(event.Problem{Message: n.Message, Hint: n.Hint})
		}
	})
}

// Rule is a rule of the config, ready to be matched.
type Rule struct {
	Effect  plan.Kind
	Command config.Command
	Signal  string

	index int
	paths []string
}

var kinds = map[config.Effect]plan.Kind{
	config.EffectRebuild: plan.Rebuild, config.EffectRestart: plan.Restart, config.EffectReload: plan.Reload,
	config.EffectSignal: plan.Signal, config.EffectNone: plan.None,
}

func compileRules(rules []config.Rule) (out []Rule) {
	for n, c := range rules {
		out = append(out, Rule{index: n, paths: c.Paths, Effect: kinds[c.Effect], Command: c.Command, Signal: string(c.Signal)})
	}
	return out
}

// ruleNotes is the one place that decides which paths of rules match nothing. It asks the
// watcher for the files that count: what it does not have, no rule can match.
func (j *Judge) ruleNotes(ctx context.Context, w Watcher) []RuleNote {
	var globs []glob
	for _, s := range j.all() {
		for _, r := range s.conf.Load().Rules {
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
		if rel, ok := slashRel(j.root, f); ok {
			names = append(names, rel)
		}
	}
	var out []RuleNote
	for _, g := range globs {
		if !slices.ContainsFunc(names, g.match) {
			out = append(out, j.unmatched(g, names, w))
		}
	}
	return out
}

// unmatched says why a glob that matches none of the names does not.
func (j *Judge) unmatched(g glob, names []string, w Watcher) RuleNote {
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
		if _, err := os.Stat(j.abs(dir)); err == nil && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, dir+"/") }) {
			return note(fmt.Sprintf("add it to watch.include: %q", dir), "matches no file: %q is outside the project and not watched", dir)
		}
	}
	if fi, err := os.Stat(j.abs(g.text)); err == nil && fi.IsDir() {
		return note(fmt.Sprintf("name the files in it: %q", g.text+"/**"), "matches no file: it is a directory")
	}
	if deep := "**/" + g.text; !strings.HasPrefix(g.text, "**/") {
		other := glob{text: deep}
		if i := slices.IndexFunc(names, other.match); i >= 0 {
			return note(fmt.Sprintf("write %q for any directory", deep), "matches no file: it is relative to the root, and there is only %q", names[i])
		}
	}
	if dir := strings.Join(g.elems[:g.named], "/"); dir != "" {
		if _, err := os.Stat(j.abs(dir)); err != nil {
			return note("it applies as soon as such a file appears", "matches no file yet: there is no directory %q", dir)
		}
	}
	if path := j.ignoredMatch(g); path != "" {
		if why, ignored := w.Ignored(path); ignored {
			return note("change the rule, or what ignores the file", "matches only files that are ignored, such as %q (%s)", filepath.ToSlash(j.rel(path)), why)
		}
	}
	return note("it applies as soon as such a file appears; a rule reaches into directories that Git ignores only if it names them", "matches no file yet")
}

// maxSearch is how many files are looked at to find one that a rule would match if it were not ignored.
const maxSearch = 5000

// ignoredMatch finds a file that the glob matches; "" if there is none, or too much to look through.
func (j *Judge) ignoredMatch(g glob) (found string) {
	left := maxSearch
	dir := j.abs(filepath.Join(filepath.FromSlash(strings.Join(g.elems[:g.named], "/")), "."))
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if left--; left < 0 {
			return fs.SkipAll
		}
		rel, ok := slashRel(j.root, path)
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
