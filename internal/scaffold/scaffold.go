// Package scaffold writes a first .hotreload.toml: one that fits the files of the project, or
// a translation of the config of Air or Fresh.
//
// What it writes is short: only what differs from the defaults, each with the reason. A full
// template was rejected: no one reads it, and it freezes the defaults of one version. Guesses
// (templates that no code opens by name) become comments, never settings. The file is parsed
// before it is returned, so one that does not load is never written.
package scaffold

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/gograph"
)

// Options are where to look, and how.
type Options struct {
	Dir      string         // the project; the file is written there
	From     string         // an .air.toml or a runner.conf, relative to Dir; "" = one that is there, else look at the project
	Force    bool           // overwrite; used by Write only, kept here for the caller's flags
	Mains    []gograph.Main // main packages if they are known; nil = look for them
	Services bool           // several main packages become several services, not one choice
}

// Result is a file that is not written yet.
type Result struct {
	Path  string
	Data  []byte
	Found []string // what was found, one line each
	Notes []string // what the person should know, one line each
}

// New makes the file for a project. It writes nothing.
func New(ctx context.Context, o Options) (Result, error) {
	dir, err := filepath.Abs(cmp.Or(o.Dir, "."))
	if err != nil {
		return Result{}, err
	}
	o.Dir = dir
	if o.From != "" {
		res, err := translate(o)
		if err != nil {
			return Result{}, err
		}
		return checked(res)
	}
	// The config of another tool contains more than what can be seen in the project.
	unread := ""
	for _, old := range existing(dir, ".air.toml", ".air.conf", "runner.conf") {
		o.From = old
		res, err := translate(o)
		if err != nil {
			unread = fmt.Sprintf("%s is not translated: %s", old, firstLine(err.Error()))
			continue
		}
		res.Notes = append(res.Notes, "for a config that fits the project instead, rename "+old+" and run `hotreload init --force`")
		return checked(res)
	}
	o.From = ""
	res, err := look(ctx, o)
	if err != nil {
		return Result{}, err
	}
	if unread != "" {
		res.Notes = append(res.Notes, unread)
	}
	return checked(res)
}

// checked parses what is to be written.
func checked(res Result) (Result, error) {
	if _, err := config.Parse(res.Data, res.Path); err != nil {
		return Result{}, fmt.Errorf("the config to be written is not valid, which is a bug in hotreload: %w\n%s", err, res.Data)
	}
	return res, nil
}

func exists(path string) error {
	return advice.Explain(fs.ErrExist, path+" exists already", "--force overwrites it")
}

// Write writes the file, whole or not at all. Without force an existing file is never
// touched: the error has a hint that names --force.
func Write(res Result, force bool) error {
	target := res.Path
	if force {
		// A link stays one: people keep their configs elsewhere.
		if real, err := filepath.EvalSymlinks(target); err == nil {
			target = real
		}
	}
	mode := fs.FileMode(0o644)
	switch info, err := os.Lstat(target); {
	case err == nil && !force:
		return exists(res.Path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", res.Path)
	case err == nil:
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(target), ".hotreload-init-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", res.Path, err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(res.Data)
	err = cmp.Or(err, tmp.Chmod(mode), tmp.Sync())
	if err = cmp.Or(err, tmp.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", res.Path, err)
	}
	if force {
		return os.Rename(tmp.Name(), target)
	}
	// A link fails if the name was taken in the meantime, a rename would not.
	if err := os.Link(tmp.Name(), target); err == nil || errors.Is(err, fs.ErrExist) {
		if err != nil {
			return exists(res.Path)
		}
		return nil
	}
	// File systems without hard links.
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return exists(res.Path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(res.Data)
	if err = cmp.Or(err, f.Close()); err != nil {
		os.Remove(target)
	}
	return err
}

const reference = "https://github.com/hotreload/hotreload/blob/main/docs/configuration.md"

// draft is the file while it is made: tables in the order of the documentation, each with
// explained settings.
type draft struct {
	head   []string
	tables map[string][]string
	rules  [][]string
	after  []string // [services.NAME] tables
	tail   []string // comments at the end
}

func newDraft(made string) *draft {
	return &draft{head: []string{
		"Configuration of hotreload. For editors: `hotreload schema --help`.",
		made + " Only what differs from the defaults is set here. Every key is explained in",
		reference}, tables: map[string][]string{}}
}

// set adds one setting with the reason for it.
func (d *draft) set(key, value, reason string) {
	table, name, _ := strings.Cut(key, ".")
	lines := d.tables[table]
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, comments(reason)...)
	d.tables[table] = append(lines, name+" = "+value)
}

// suggest adds a setting that is commented out.
func (d *draft) suggest(table, reason string, settings ...string) {
	lines := d.tables[table]
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, comments(reason)...)
	for _, s := range settings {
		lines = append(lines, "#"+s)
	}
	d.tables[table] = lines
}

// rule is one [[rules]] entry. command is TOML; "" = none.
type rule struct {
	reason  string
	paths   []string
	effect  string
	command string
}

func (d *draft) rule(r rule) {
	lines := append(comments(r.reason), "[[rules]]", "paths = "+stringList(r.paths), "effect = "+config.Quote(r.effect))
	if r.command != "" {
		lines = append(lines, "command = "+r.command)
	}
	d.rules = append(d.rules, lines)
}

// comment adds a piece of a config that is commented out.
func (d *draft) comment(reason string, lines ...string) {
	if len(d.tail) > 0 {
		d.tail = append(d.tail, "")
	}
	d.tail = append(d.tail, comments(reason)...)
	for _, l := range lines {
		d.tail = append(d.tail, strings.TrimSpace("#"+l))
	}
}

// service adds one service.
func (d *draft) service(name string, settings ...string) {
	if len(d.after) == 0 {
		d.after = append(d.after, "",
			"# Each program is a service: it inherits the tables above, overrides what it needs",
			"# (run.args, run.env, ...), and may wait for others: needs = [\"db\"].")
	} else {
		d.after = append(d.after, "")
	}
	d.after = append(append(d.after, "[services."+name+"]"), settings...)
}

func (d *draft) bytes() []byte {
	var out []string
	for _, h := range d.head {
		out = append(out, comments(h)...)
	}
	for _, t := range []string{"watch", "build", "run", "proxy"} {
		if lines := d.tables[t]; len(lines) > 0 {
			out = append(append(out, "", "["+t+"]"), lines...)
		}
	}
	for _, r := range d.rules {
		out = append(append(out, ""), r...)
	}
	out = append(out, d.after...)
	if lines := d.tables["log"]; len(lines) > 0 {
		out = append(append(out, "", "[log]"), lines...)
	}
	if len(d.tail) > 0 {
		out = append(append(out, ""), d.tail...)
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

// comments are the comment lines of a text, of at most 90 columns.
func comments(text string) []string {
	if text == "" {
		return nil
	}
	text = strings.Map(func(r rune) rune { // TOML allows no control characters in comments
		if unicode.IsControl(r) && !unicode.IsSpace(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
	var out []string
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 90 && line != "#" {
			out = append(out, line)
			line = "#"
		}
		line += " " + word
	}
	return append(out, line)
}

// stringList is a list of strings as TOML.
func stringList(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = config.Quote(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// under is a glob for files below dir (relative, with slashes; "." is the root).
func under(dir, glob string) string {
	if dir = path.Clean(dir); dir != "." {
		return discover.Escape(dir) + "/" + glob
	}
	return glob
}

// extensions is the part of a glob for these extensions (without dot).
func extensions(exts []string) string {
	escaped := make([]string, len(exts))
	for i, e := range exts {
		escaped[i] = discover.Escape(e)
	}
	if len(escaped) == 1 {
		return "*." + escaped[0]
	}
	return "*.{" + strings.Join(escaped, ",") + "}"
}

// outermost drops directories that lie in another one of the list.
func outermost(dirs []string) []string {
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	var out []string
	for _, d := range dirs {
		inside := slices.ContainsFunc(out, func(o string) bool { return o == "." || strings.HasPrefix(d, o+"/") })
		if !inside {
			out = append(out, d)
		}
	}
	return out
}
