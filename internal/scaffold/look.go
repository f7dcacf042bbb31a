package scaffold

import (
	"cmp"
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

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gograph"
)

// Directories to skip: dependencies, results, and those with a special name.
var skipped = map[string]bool{"node_modules": true, "vendor": true, "testdata": true, "tmp": true, "dist": true, "build": true, "bower_components": true}

// Directories whose files a server hands out as they are.
var static = map[string]bool{"static": true, "public": true, "assets": true, "css": true, "js": true, "img": true, "images": true, "www": true, "wwwroot": true}

var templateExts = []string{"html", "gohtml", "tmpl", "tpl"}

var staticExts = map[string]bool{"css": true, "js": true, "mjs": true, "png": true, "jpg": true, "jpeg": true, "gif": true, "svg": true, "webp": true, "avif": true, "ico": true}

// Nobody's first config is worth reading a whole disk.
const maxFiles = 50_000

// project is what is in a directory; paths are relative and have slashes.
type project struct {
	dir       string
	code      *evidence
	templates map[string][]string // directory -> extensions, of those that nothing makes count
	embedded  map[string]bool     // directories of templates that are embedded
	static    []string            // directories of files that a page is made of, as above
	tools     map[string][]string // generator -> files that show it
	tailwind  bool
	frontends []string // directories with a package.json: what is in them is built by something else
}

func look(ctx context.Context, o Options) (Result, error) {
	res := Result{Path: filepath.Join(o.Dir, config.FileName)}
	found := func(format string, args ...any) { res.Found = append(res.Found, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { res.Notes = append(res.Notes, fmt.Sprintf(format, args...)) }

	mains := o.Mains
	if mains == nil {
		var err error
		if mains, err = gograph.Mains(ctx, gograph.Options{Dir: o.Dir}); err != nil {
			return Result{}, err
		}
	}
	if len(mains) == 0 {
		return Result{}, advice.With(fmt.Errorf("nothing was written: there is no main package in %s", o.Dir),
			"a program needs a `package main` with a func main; a library needs no config")
	}
	if nested := mains[0].Nested; nested != "" {
		return Result{}, advice.With(fmt.Errorf("the programs below %s are in another module: %s", o.Dir, nested),
			"write the config there: `hotreload init -C "+nested+"`")
	}
	make := readMakefile(o.Dir)
	list := preferred(candidates(ctx, o.Dir, mains, make.tags))
	chosen := list[:1]
	if o.Services {
		chosen = list
	}
	p := &project{dir: o.Dir, code: gather(o.Dir, chosen), templates: map[string][]string{}, embedded: map[string]bool{}, tools: map[string][]string{}}
	if err := p.walk(ctx); err != nil {
		return Result{}, err
	}

	d := newDraft("Written for this project by `hotreload init`.")
	p.packages(d, mains, list, o.Services, found, note)
	make.add(d, found)
	p.generators(d, found, note)
	p.dataRules(d, found)
	css := p.tailwindCommand(o.Dir, packageScripts(o.Dir))
	p.styles(d, css, found)
	p.suggestions(d, found)
	p.vite(d, list, found)
	if isFile(o.Dir, ".env") {
		found(".env (read at each start; a change restarts)")
	}
	if more := existing(o.Dir, ".env.local", ".env.development", ".env.dev"); len(more) > 0 {
		found("%s", strings.Join(more, ", "))
		d.suggest("run", "Read at each start; a later file wins.", "env_files = "+stringList(append([]string{".env"}, more...)))
	}
	if chosen[0].server > 0 {
		chosen[0].proxy(d)
		note("the program is a server: `hotreload run --proxy` puts a proxy in front of it that reloads pages; with [proxy] in the config, it is always there")
	}
	res.Data = d.bytes()
	return res, nil
}

// proxy offers the proxy for a server. It stays a comment: with it the page is at another address
// than the program's own, and whoever has not asked for that would look for it there.
func (p candidate) proxy(d *draft) {
	reason := "The program is a server. A proxy in front of it holds requests during a restart, reloads pages, and shows errors in them: the browser opens this address, and the program listens on $PORT."
	settings := []string{`listen = "127.0.0.1:8090"`}
	if !p.asks {
		reason += " Its code does not read PORT, so app says where it listens."
		settings = append(settings, fmt.Sprintf("app = %q", "127.0.0.1:"+cmp.Or(p.port, "8080")))
	}
	d.suggest("proxy", reason+" `hotreload run --proxy` does the same without these lines.", settings...)
}

func (p *project) walk(ctx context.Context) error {
	root, files := p.dir, 0
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
			if rel != "." && isFile(name, "package.json") {
				p.frontends = append(p.frontends, rel)
			}
			return nil
		}
		if files++; files > maxFiles {
			return fs.SkipAll
		}
		if e.Type().IsRegular() {
			p.file(rel, name)
		}
		return nil
	})
	return err
}

func (p *project) file(rel, file string) {
	dir, base := path.Split(rel)
	dir = path.Clean("./" + dir)
	ext := strings.TrimPrefix(path.Ext(base), ".")
	p.tool(rel, base, ext)
	switch {
	case p.elsewhere(dir):
		return
	case strings.HasPrefix(base, "tailwind.config."):
		p.tailwind = true
	case base == "package.json":
		p.tailwind = p.tailwind || needsTailwind(file)
	}
	top := staticDir(dir)
	switch {
	case top != "" && (staticExts[ext] || ext == "html"):
		if !p.code.counts(file) {
			p.static = append(p.static, top)
		}
	case top == "" && slices.Contains(templateExts, ext):
		if p.code.inputs[file] {
			p.embedded[dir] = true
		} else if !p.code.counts(file) && !slices.Contains(p.templates[dir], ext) {
			p.templates[dir] = append(p.templates[dir], ext)
		}
	}
}

// elsewhere reports whether a directory is no part of the program.
func (p *project) elsewhere(dir string) bool {
	return isAside(dir) || slices.ContainsFunc(p.frontends, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
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

// packages finds the program, or lists the programs.
func (p *project) packages(d *draft, mains []gograph.Main, list []candidate, services bool, found, note func(string, ...any)) {
	for _, m := range mains {
		found("main package %s", m.Rel)
	}
	first := list[0]
	switch {
	case len(list) == 1:
		if first.Rel != "." {
			d.set("build.package", config.Quote(first.Rel), "The program: the only main package here.")
		}
	case services:
		names := map[string]bool{}
		for _, c := range list {
			d.service(serviceName(c.Main, names), "build.package = "+config.Quote(c.Rel))
		}
		note("there are %d main packages; remove the services that you do not need", len(list))
	default:
		why := ""
		if first.server > 0 && list[len(list)-1].server < first.server {
			why = " Its code starts a server."
		}
		d.set("build.package", config.Quote(first.Rel), fmt.Sprintf("There are %d main packages; this is the one that `hotreload run` runs.%s Another one: `hotreload run PACKAGE`, or below.", len(list), why))
		for _, other := range list[1:] {
			d.tables["build"] = append(d.tables["build"], "#package = "+config.Quote(other.Rel))
		}
		note("there are %d main packages; build.package is set to %s; --services writes a service for each", len(list), first.Rel)
	}
}

// preferred puts the program first that a session is most likely about: a server, the root, a name that servers have, the
// largest one. An example or a tool comes last.
func preferred(list []candidate) []candidate {
	rank := func(c candidate) int {
		r := 100
		if i := slices.Index([]string{"server", "api", "web", "app", "main"}, path.Base(c.Rel)); i >= 0 {
			r = 1 + i
		}
		if c.Rel == "." {
			r = 0
		}
		if isAside(c.Rel) || slices.ContainsFunc(strings.Split(c.Rel, "/"), func(part string) bool {
			return part == "internal" || part == "tools" || strings.HasPrefix(part, "test")
		}) {
			r += 2500
		}
		return r - 1000*c.server
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(rank(a)-rank(b), len(b.own)-len(a.own))
	})
	return list
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// serviceName is a name for a service that is not taken yet.
func serviceName(m gograph.Main, taken map[string]bool) string {
	base := path.Base(m.Rel)
	if base == "." || base == "/" || base == ".." {
		base = path.Base(discover.Unversioned(m.ImportPath))
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

// dataRules writes a rule for what the code names, and lists what it opens.
func (p *project) dataRules(d *draft, found func(string, ...any)) {
	embedded := outermost(slices.Collect(maps.Keys(p.embedded)))
	if len(embedded) > maxListed {
		found("templates in %d directories, embedded (a change rebuilds without a rule)", len(embedded))
		embedded = nil
	}
	for _, dir := range embedded {
		found("%s/ (templates, embedded: a change rebuilds without a rule)", dir)
	}
	if opens := p.code.opens.Opens(); len(opens) > 0 {
		d.tail = append(d.tail, comments("What the code opens by a literal name counts without a rule (watch.discover):")...)
		for _, o := range opens {
			effect := "restarts"
			if o.Reload {
				effect = "reloads the page"
			}
			found("%s (%s opens it; a change %s without a rule)", o.From(p.dir), o.Place, effect)
			d.tail = append(d.tail, fmt.Sprintf("#   %s: %s opens it; a change %s", o.From(p.dir), o.Place, effect))
		}
	}
	if len(p.code.named) == 0 {
		return
	}
	var paths, places []string
	for _, n := range p.code.named {
		found("%s (%s names it)", n.path, n.place)
		paths = append(paths, n.glob)
		places = append(places, n.path+" ("+n.place+")")
	}
	d.rule(rule{"The code names these, and probably reads them at startup: " + strings.Join(places, ", ") + ".", paths, "restart", ""})
}

// maxListed is how many directories of one kind are named one by one.
const maxListed = 6

// pages are globs of the templates.
func (p *project) pages() []string {
	var paths []string
	for _, o := range p.code.opens.Opens() {
		if glob := o.From(p.dir); !o.Reload && (slices.Contains(templateExts, strings.TrimPrefix(path.Ext(glob), ".")) || strings.Contains(o.Call, "HTML")) {
			paths = append(paths, glob)
		}
	}
	return append(paths, p.otherTemplates()...)
}

// otherTemplates are globs of the templates that nothing makes count.
func (p *project) otherTemplates() []string {
	var paths []string
	for _, top := range outermost(slices.Collect(maps.Keys(p.templates))) {
		var exts []string
		for dir, of := range p.templates {
			if dir == top || top == "." || strings.HasPrefix(dir, top+"/") {
				exts = append(exts, of...)
			}
		}
		slices.Sort(exts)
		paths = append(paths, under(top, "**/"+extensions(slices.Compact(exts))))
	}
	return paths
}

// suggestions lists what may count, as comments: the code does not show it.
func (p *project) suggestions(d *draft, found func(string, ...any)) {
	if paths := p.otherTemplates(); len(paths) > 0 {
		if len(paths) > maxListed {
			found("templates in %d directories (no code was found that opens them by name)", len(paths))
			paths = []string{"**/" + extensions(templateExts)}
		} else {
			for _, glob := range paths {
				found("%s (templates; no code was found that opens them by name)", glob)
			}
		}
		d.comment("No code was found that opens these templates by name. If the program reads them when it starts:",
			"[[rules]]", "paths = "+stringList(paths), `effect = "restart"`)
	}
	if dirs := outermost(p.static); len(dirs) > 0 {
		var paths []string
		for _, dir := range dirs {
			found("%s/ (static files; no code was found that serves them by name)", dir)
			paths = append(paths, under(dir, "**"))
		}
		d.comment("No code was found that serves these by name. If the program serves them, they reload the page with a [proxy]:",
			"[[rules]]", "paths = "+stringList(paths), `effect = "reload"`)
	}
}

// styles has Tailwind run before what it reads counts.
func (p *project) styles(d *draft, css []string, found func(string, ...any)) {
	if !p.tailwind {
		return
	}
	if css == nil {
		found("tailwind")
		d.suggest("build", "Tailwind: its command, run before each build. Add it to a rule (command = ...) too if it reads files other than Go.", `before = [["npx", "@tailwindcss/cli", "-i", "input.css", "-o", "static/output.css"]]`)
		return
	}
	found("tailwind (package.json: %s)", strings.Join(css, " "))
	if pages := p.pages(); len(pages) > 0 {
		d.rule(rule{"Tailwind, from package.json, reads the templates: it runs first, then the program is restarted.", pages, "restart", stringList(css)})
		clear(p.templates)
		return
	}
	d.set("build.before", "["+stringList(css)+"]", "Tailwind, from package.json.")
}

type packageJSON struct {
	Scripts         map[string]string
	Dependencies    map[string]any
	DevDependencies map[string]any
}

func readPackage(file string) (p packageJSON) {
	if data, err := files.Read(file, files.MaxConfig); err == nil {
		data, _ = files.Text(data)
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
			return []string{packageManager(dir), "run", name}
		}
	}
	return nil
}

func packageManager(dir string) string {
	for lock, manager := range map[string]string{"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lockb": "bun", "bun.lock": "bun"} {
		if isFile(dir, lock) {
			return manager
		}
	}
	return "npm"
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
