package scaffold

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
)

// Directories that nobody means: dependencies, results, and what has a name of its own.
var skipped = map[string]bool{"node_modules": true, "vendor": true, "testdata": true, "tmp": true, "dist": true, "build": true, "bower_components": true}

// Directories whose files a server hands out as they are.
var static = map[string]bool{"static": true, "public": true, "assets": true, "css": true, "js": true, "img": true, "images": true, "www": true, "wwwroot": true}

var templateExts = []string{"html", "gohtml", "tmpl", "tpl"}

var staticExts = map[string]bool{"css": true, "js": true, "mjs": true, "png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true, "avif": true, "ico": true}

// Nobody's first config is worth reading a whole disk.
const maxFiles = 50_000

// project is what lies in a directory; paths are relative and have slashes.
type project struct {
	templates map[string][]string // directory -> extensions
	embedded  map[string]bool     // directories of templates that are embedded
	static    []string            // directories
	templ     bool
	sqlc      []string
	tailwind  bool
	mains     []gograph.Main
}

func look(ctx context.Context, o Options) (Result, error) {
	res := Result{Path: filepath.Join(o.Dir, config.FileName)}
	found := func(format string, args ...any) { res.Found = append(res.Found, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { res.Notes = append(res.Notes, fmt.Sprintf(format, args...)) }

	p := &project{templates: map[string][]string{}, embedded: map[string]bool{}, mains: o.Mains}
	if p.mains == nil {
		var err error
		if p.mains, err = gograph.Mains(ctx, gograph.Options{Dir: o.Dir}); err != nil {
			if ctx.Err() != nil {
				return Result{}, ctx.Err()
			}
			note("main packages could not be looked for: %s", firstLine(err.Error()))
		}
	}
	if len(p.mains) > 0 && p.mains[0].Nested != "" {
		return Result{}, &nestedError{o.Dir, p.mains[0].Nested}
	}
	if err := p.walk(ctx, o.Dir, inputs(ctx, o.Dir, p.mains)); err != nil {
		return Result{}, err
	}

	d := newDraft("Fitted to this project by `hotreload init`.")
	p.packages(d, o.Services, found, note)
	scripts := packageScripts(o.Dir)
	css := p.tailwindCommand(o.Dir, scripts)

	if p.templ {
		found("templ (*.templ)")
		command := []string{"templ", "generate"}
		if hasTool(o.Dir, "github.com/a-h/templ/cmd/templ") {
			command = []string{"go", "tool", "templ", "generate"}
		}
		d.rule(rule{"templ: Go code is generated from templates, then the program is built.", []string{"**/*.templ"}, "rebuild", list(command)})
	}
	for _, file := range p.sqlc {
		found("sqlc (%s)", file)
		command := []string{"sqlc", "generate"}
		if path.Dir(file) != "." {
			command = append(command, "-f", file)
		}
		d.rule(rule{"sqlc: Go code is generated from queries, then the program is built.", append(sqlcPaths(o.Dir, file), literal(file)), "rebuild", list(command)})
	}
	p.templateRules(d, css, found)
	if p.tailwind {
		switch {
		case css == nil:
			found("tailwind")
			d.suggest("build", "Tailwind: its command, run before each build. Give it to a rule (command = ...) as well if it reads files that are not Go.", `before = [["npx", "@tailwindcss/cli", "-i", "input.css", "-o", "static/output.css"]]`)
		case !p.hasTemplateRule():
			found("tailwind (package.json: %s)", strings.Join(css, " "))
			d.set("build.before", "["+list(css)+"]", "Tailwind, from package.json.")
		default:
			found("tailwind (package.json: %s)", strings.Join(css, " "))
		}
	}
	if dirs := outermost(p.static); len(dirs) > 0 {
		var paths []string
		for _, dir := range dirs {
			found("%s/ (static files)", dir)
			paths = append(paths, under(dir, "**"))
		}
		d.rule(rule{"Served as they are: the browser reloads, nothing is restarted.", paths, "reload", ""})
	}
	if isFile(o.Dir, ".env") {
		found(".env (read at each start; a change restarts)")
	}
	if more := existing(o.Dir, ".env.local", ".env.development", ".env.dev"); len(more) > 0 {
		found("%s", strings.Join(more, ", "))
		d.suggest("run", "Read at each start; a later file wins.", "env_files = "+list(append([]string{".env"}, more...)))
	}
	makefile(o.Dir, d, found)
	for _, old := range existing(o.Dir, ".air.toml", ".air.conf", "runner.conf") {
		name := "Air"
		if old == "runner.conf" {
			name = "Fresh"
		}
		found("%s (%s): try --from %s", old, name, old)
	}
	res.Data = d.bytes()
	return res, nil
}

// nestedError says that the programs are in another module, which go build does not reach from here.
type nestedError struct{ dir, module string }

func (e *nestedError) Error() string {
	return fmt.Sprintf("the programs below %s are in another module: %s", e.dir, e.module)
}
func (e *nestedError) Hint() string {
	return "write the config there: `hotreload init -C " + e.module + "`"
}

// inputs are the files the programs are built from, to know what is embedded; nil if go
// cannot tell.
func inputs(ctx context.Context, dir string, mains []gograph.Main) map[string]bool {
	all := map[string]bool{}
	for i, m := range mains {
		if i == 8 { // many programs embed the same packages
			break
		}
		g, err := gograph.Load(ctx, gograph.Options{Dir: dir, Package: m.Rel})
		if err != nil {
			continue
		}
		for _, file := range g.Inputs() {
			all[file] = true
		}
	}
	return all
}

func (p *project) walk(ctx context.Context, root string, inputs map[string]bool) error {
	files := 0
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel, relErr := filepath.Rel(root, name)
		if err != nil || relErr != nil {
			if name == root {
				return err
			}
			return nil // unreadable: not ours to judge
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			if rel != "." && (skipped[e.Name()] || e.Name()[0] == '.' || e.Name()[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		if e.Type().IsRegular() {
			p.file(root, rel, inputs[name])
		}
		return nil
	})
	return err
}

func (p *project) file(root, rel string, input bool) {
	dir, base := path.Split(rel)
	dir = path.Clean("./" + dir)
	ext := strings.TrimPrefix(path.Ext(base), ".")
	switch {
	case ext == "templ":
		p.templ = true
	case base == "sqlc.yaml" || base == "sqlc.yml" || base == "sqlc.json":
		p.sqlc = append(p.sqlc, rel)
	case strings.HasPrefix(base, "tailwind.config."):
		p.tailwind = true
	case base == "package.json":
		p.tailwind = p.tailwind || needsTailwind(filepath.Join(root, filepath.FromSlash(rel)))
	}
	top := staticDir(dir)
	switch {
	case top != "" && (staticExts[ext] || ext == "html"):
		if !input {
			p.static = append(p.static, top)
		}
	case top == "" && slices.Contains(templateExts, ext):
		if input {
			p.embedded[dir] = true
		} else if !slices.Contains(p.templates[dir], ext) {
			p.templates[dir] = append(p.templates[dir], ext)
		}
	}
}

// staticDir is the outermost directory on the way to dir that has a name for static
// files; "" if there is none.
func staticDir(dir string) string {
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		if static[part] {
			return strings.Join(parts[:i+1], "/")
		}
	}
	return ""
}

// packages says which program is meant.
func (p *project) packages(d *draft, services bool, found, note func(string, ...any)) {
	for _, m := range p.mains {
		found("main package %s", m.Rel)
	}
	switch {
	case len(p.mains) == 0:
		note("no main package was found; set build.package when there is one")
	case len(p.mains) == 1:
		if m := p.mains[0]; m.Rel != "." {
			d.set("build.package", config.Quote(m.Rel), "The program: the only main package here.")
		}
	case services:
		names := map[string]bool{}
		for _, m := range p.mains {
			d.after = append(d.after, "", "[services."+serviceName(m, names)+"]", "build.package = "+config.Quote(m.Rel))
		}
		d.after = append([]string{"",
			"# Each program is a service: it inherits the tables above, overrides what it needs",
			"# (run.args, run.env, ...), and may wait for others: needs = [\"db\"]."}, d.after...)
		note("there are %d main packages; remove the services that are no part of the session", len(p.mains))
	default:
		mains := preferred(p.mains)
		var others []string
		for _, m := range mains[1:] {
			others = append(others, "package = "+config.Quote(m.Rel))
		}
		d.set("build.package", config.Quote(mains[0].Rel), fmt.Sprintf("There are %d main packages; this is the one that `hotreload run` runs. Another one: `hotreload run PACKAGE`, or below.", len(mains)))
		for _, other := range others {
			d.tables["build"] = append(d.tables["build"], "#"+other)
		}
		note("there are %d main packages; build.package is set to %s; --services makes a service of each", len(mains), mains[0].Rel)
	}
}

// preferred puts the program first that a session is most likely about: the root, else a
// name that servers have, else the order of go list.
func preferred(mains []gograph.Main) []gograph.Main {
	rank := func(m gograph.Main) int {
		if m.Rel == "." {
			return 0
		}
		i := slices.Index([]string{"server", "api", "web", "app", "main"}, path.Base(m.Rel))
		if i < 0 {
			return 100
		}
		return 1 + i
	}
	mains = slices.Clone(mains)
	slices.SortStableFunc(mains, func(a, b gograph.Main) int { return rank(a) - rank(b) })
	return mains
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// serviceName is a name for a service that is not taken yet.
func serviceName(m gograph.Main, taken map[string]bool) string {
	base := path.Base(m.Rel)
	if base == "." || base == "/" || base == ".." {
		base = path.Base(m.ImportPath)
	}
	base = strings.Trim(notInNames.ReplaceAllString(base, "-"), "-_")
	if base == "" {
		base = "app"
	}
	name := base
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	taken[name] = true
	return name
}

func (p *project) hasTemplateRule() bool { return len(p.templates) > 0 }

func (p *project) templateRules(d *draft, css []string, found func(string, ...any)) {
	for _, dir := range outermost(slices.Collect(maps.Keys(p.embedded))) {
		if _, also := p.templates[dir]; !also {
			found("%s/ (templates, embedded: a change rebuilds by itself)", dir)
		}
	}
	if len(p.templates) == 0 {
		return
	}
	dirs := outermost(slices.Collect(maps.Keys(p.templates)))
	var paths []string
	for _, top := range dirs {
		var exts []string
		for dir, of := range p.templates {
			if dir == top || top == "." || strings.HasPrefix(dir, top+"/") {
				exts = append(exts, of...)
			}
		}
		slices.Sort(exts)
		exts = slices.Compact(exts)
		kind := "text/template"
		if slices.Contains(exts, "html") || slices.Contains(exts, "gohtml") {
			kind = "html/template"
		}
		if top == "." {
			found("templates in the root (%s)", kind)
		} else {
			found("%s/ (%s)", top, kind)
		}
		paths = append(paths, under(top, "**/"+extensions(exts)))
	}
	r := rule{reason: `Templates are read when the program starts, so a change restarts it; nothing is built. If it reads them at each request, effect = "reload" is enough.`, paths: paths, effect: "restart"}
	if len(paths) > 12 {
		r.paths = []string{"**/" + extensions(templateExts)}
	}
	if css != nil {
		r.reason += " Tailwind runs first, because it reads them."
		r.command = list(css)
	}
	d.rule(r)
}

// sqlcPaths are globs of the SQL files that an sqlc config names. The few lines that
// matter are found by their keys: a YAML parser would be a dependency for this alone.
func sqlcPaths(root, file string) []string {
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return []string{"**/*.sql"}
	}
	var paths []string
	for _, m := range sqlcSource.FindAllSubmatch(data, -1) {
		for _, value := range sqlcValue.FindAllString(string(m[1]), -1) {
			value = path.Join(path.Dir(file), strings.Trim(value, `"'`))
			if strings.HasPrefix(value, "../") {
				continue
			}
			if !strings.HasSuffix(value, ".sql") {
				value = under(value, "**/*.sql")
			} else {
				value = literal(value)
			}
			if !slices.Contains(paths, value) {
				paths = append(paths, value)
			}
		}
	}
	if len(paths) == 0 {
		return []string{"**/*.sql"}
	}
	return paths
}

var (
	sqlcSource = regexp.MustCompile(`(?m)^[\s{,-]*"?(?:queries|schema)"?\s*:[ \t]*([^#\n]+)`)
	sqlcValue  = regexp.MustCompile(`"[^"]+"|'[^']+'|[^\s,\[\]"']+`)
)

type packageJSON struct {
	Scripts         map[string]string
	Dependencies    map[string]any
	DevDependencies map[string]any
}

func readPackage(file string) (p packageJSON) {
	if data, err := os.ReadFile(file); err == nil {
		// What is no valid package.json has no scripts for us.
		_ = json.Unmarshal(data, &p)
	}
	return p
}

func needsTailwind(file string) bool {
	p := readPackage(file)
	for _, deps := range []map[string]any{p.Dependencies, p.DevDependencies} {
		for name := range deps {
			if name == "tailwindcss" || strings.HasPrefix(name, "@tailwindcss/") {
				return true
			}
		}
	}
	return false
}

func packageScripts(dir string) map[string]string {
	return readPackage(filepath.Join(dir, "package.json")).Scripts
}

// tailwindCommand is the script of package.json that runs Tailwind once; nil if there is
// none (one with --watch never ends).
func (p *project) tailwindCommand(dir string, scripts map[string]string) []string {
	if !p.tailwind {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(scripts)) {
		words := strings.Fields(scripts[name])
		watches := slices.ContainsFunc(words, func(w string) bool { return w == "-w" || strings.HasPrefix(w, "--watch") })
		if strings.Contains(scripts[name], "tailwind") && !watches {
			manager := "npm"
			for lock, m := range map[string]string{"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"} {
				if isFile(dir, lock) {
					manager = m
				}
			}
			return []string{manager, "run", name}
		}
	}
	return nil
}

var buildLine = regexp.MustCompile(`(?m)^([A-Za-z0-9_./-]+)\s*:[^=\n]*\n((?:\t[^\n]*\n?)*)`)

// makefile mentions a target that builds.
func makefile(dir string, d *draft, found func(string, ...any)) {
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\\\n"), []byte(" "))
		best, output := "", ""
		for _, m := range buildLine.FindAllSubmatch(data, -1) {
			target, recipe := string(m[1]), string(m[2])
			if !strings.Contains(recipe, "go build") || strings.HasPrefix(target, ".") {
				continue
			}
			if best == "" || target == "build" {
				best, output = target, ""
				if o := outputFlag.FindStringSubmatch(recipe); o != nil && !strings.Contains(o[1], "$") {
					output = o[1]
				}
			}
		}
		if best != "" {
			if output == "" {
				output = "bin/app"
			}
			found("%s (target %s runs go build; hotreload calls go build itself)", name, best)
			d.suggest("build", "hotreload calls go build itself, which is faster. To build by "+name+" instead:",
				"command = "+list([]string{"make", best}), "output = "+config.Quote(output))
		}
		return // make reads the first that exists
	}
}

var outputFlag = regexp.MustCompile(`\s-o[ =]+(\S+)`)

// hasTool reports whether go.mod has this package as a tool.
func hasTool(dir, pkg string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	in := false
	for sc := bufio.NewScanner(f); sc.Scan(); {
		words := strings.Fields(sc.Text())
		switch {
		case len(words) == 2 && words[0] == "tool" && words[1] == "(":
			in = true
		case len(words) > 0 && words[0] == ")":
			in = false
		case len(words) >= 2 && words[0] == "tool" && words[1] == pkg, in && len(words) > 0 && words[0] == pkg:
			return true
		}
	}
	return false
}

func isFile(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && !info.IsDir()
}

func existing(dir string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isFile(dir, n) })
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
