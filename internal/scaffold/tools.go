package scaffold

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/proc"
)

// tool notes a file that shows a generator.
func (p *project) tool(rel, base, ext string) {
	add := func(name string) { p.tools[name] = append(p.tools[name], rel) }
	stem, _, _ := strings.Cut(base, ".")
	switch {
	case ext == "templ":
		add("templ")
	case slices.Contains([]string{"sqlc.yaml", "sqlc.yml", "sqlc.json"}, base):
		add("sqlc")
	case slices.Contains([]string{"gqlgen.yml", "gqlgen.yaml", ".gqlgen.yml"}, base):
		add("gqlgen")
	case slices.Contains([]string{"buf.gen.yaml", "buf.gen.yml"}, base):
		add("buf")
	case stem == "vite" && strings.HasPrefix(base, "vite.config."):
		add("vite")
	case ext == "go" && !p.code.inputs[filepath.Join(p.dir, filepath.FromSlash(rel))] && !strings.HasSuffix(base, "_test.go"):
		if p.contains(rel, "//go:build wireinject") {
			add("wire")
		}
	}
	if base == "generate.go" && p.contains(rel, "entgo.io/ent/cmd/ent") {
		add("ent")
	}
}

func (p *project) contains(rel, text string) bool {
	data, err := files.Read(filepath.Join(p.dir, filepath.FromSlash(rel)), files.MaxConfig)
	return err == nil && bytes.Contains(data, []byte(text))
}

// toolPackages are the generators that are written in Go, by name.
var toolPackages = map[string]string{
	"buf":    "github.com/bufbuild/buf/cmd/buf",
	"gqlgen": "github.com/99designs/gqlgen",
	"sqlc":   "github.com/sqlc-dev/sqlc/cmd/sqlc",
	"templ":  "github.com/a-h/templ/cmd/templ",
	"wire":   "github.com/google/wire/cmd/wire",
}

// generators writes the rules of what makes Go code of other files.
func (p *project) generators(d *draft, found, note func(string, ...any)) {
	write := func(file, reason string, paths, command []string) {
		name, _, _ := strings.Cut(reason, ":")
		found("%s (%s)", name, file)
		if _, err := proc.LookPath(os.Environ(), p.dir, command[0]); err != nil {
			note("%s is not on PATH; install it, or make it a tool of the module with `go get -tool %s` and run `hotreload init --force`", command[0], toolPackages[command[0]])
		}
		d.rule(rule{reason, paths, "rebuild", stringList(command)})
	}
	if len(p.tools["templ"]) > 0 {
		write("*.templ", "templ: Go code is generated from templates, then the program is built.",
			[]string{"**/*.templ"}, p.command("templ", "generate"))
	}
	for _, file := range p.tools["sqlc"] {
		command := p.command("sqlc", "generate")
		if path.Dir(file) != "." {
			command = append(command, "-f", file)
		}
		write(file, "sqlc: Go code is generated from queries, then the program is built.", append(sqlcPaths(p.dir, file), discover.Escape(file)), command)
	}
	for _, file := range p.tools["gqlgen"] {
		command := p.command("gqlgen", "generate")
		if path.Dir(file) != "." {
			command = append(command, "--config", file)
		}
		write(file, "gqlgen: Go code is generated from schemas, then the program is built.",
			[]string{under(path.Dir(file), "**/*.{graphql,graphqls}"), discover.Escape(file)}, command)
	}
	for _, file := range p.tools["buf"] {
		command := p.command("buf", "generate")
		if dir := path.Dir(file); dir != "." {
			command = append(command, dir, "--template", file)
		}
		write(file, "buf: Go code is generated from protocol buffers, then the program is built.",
			[]string{under(path.Dir(file), "**/*.proto"), discover.Escape(file)}, command)
	}
	for _, file := range p.tools["wire"] {
		write(file, "wire: Go code is generated from the injectors, then the program is built.",
			[]string{discover.Escape(file)}, p.command("wire", "gen", "./"+path.Dir(file)))
	}
	for _, file := range p.tools["ent"] {
		dir := path.Dir(file)
		write(file, "ent: Go code is generated from the schema, then the program is built.",
			[]string{under(dir, "schema/*.go")}, []string{"go", "generate", "./" + dir})
	}
}

// command runs a tool: the version that go.mod names as one, or requires, else what is on PATH.
func (p *project) command(name string, args ...string) []string {
	pkg := toolPackages[name]
	data, _ := files.Read(filepath.Join(p.dir, "go.mod"), files.MaxConfig)
	f, err := modfile.Parse("go.mod", data, nil)
	if err == nil {
		for _, t := range f.Tool {
			if path.Base(t.Path) == name { // or a fork of it
				return append([]string{"go", "tool", name}, args...)
			}
		}
		for _, r := range f.Require {
			if r.Mod.Path == pkg {
				return append([]string{"go", "run", pkg}, args...)
			}
		}
	}
	return append([]string{name}, args...)
}

// sqlcPaths are globs of the SQL files that an sqlc config names. The few lines that
// matter are found by their keys: a YAML parser would be a dependency for this alone.
func sqlcPaths(root, file string) []string {
	data, err := files.Read(filepath.Join(root, filepath.FromSlash(file)), files.MaxConfig)
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
				value = discover.Escape(value)
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

// vite makes a service of the server of Vite, if what it needs is installed.
func (p *project) vite(d *draft, list []candidate, found func(string, ...any)) {
	taken := map[string]bool{}
	for _, c := range list {
		serviceName(c.Main, taken)
	}
	program := serviceName(list[0].Main, map[string]bool{})
	build := "build.package = " + config.Quote(list[0].Rel)
	var dirs []string
	for _, file := range p.tools["vite"] {
		dirs = append(dirs, path.Dir(file))
	}
	var later []string
	for _, dir := range outermost(dirs) {
		full := filepath.Join(p.dir, filepath.FromSlash(dir))
		if packageScripts(full)["dev"] == "" || isAside(dir) {
			continue
		}
		name := path.Base(dir)
		if dir == "." || taken[name] {
			name = "vite"
		}
		command, in := "run.command = "+stringList(viteCommand(packageManager(full), packageScripts(full)["dev"])), "run.dir = "+config.Quote(dir)
		lines := []string{command, in}
		if isFile(p.dir, ".env") {
			lines = append(lines, "run.env_files = []   # .env is for the program: a change does not restart Vite")
		}
		if info, err := os.Stat(filepath.Join(full, "node_modules")); err == nil && info.IsDir() {
			found("vite in %s (a service runs its server)", dir)
			if len(d.after) == 0 {
				d.service(program, build)
			}
			d.service(name, lines...)
			continue
		}
		found("vite in %s (its dependencies are not installed)", dir)
		later = append(append(later, "[services."+name+"]"), lines...)
	}
	if len(later) == 0 {
		return
	}
	if len(d.after) == 0 {
		later = append([]string{"[services." + program + "]", build}, later...)
	}
	d.comment("The Vite server can run alongside the program, once its dependencies are installed:", later...)
}

// viteCommand runs the script dev. On a terminal, Vite clears the screen at each save, with all that
// others have printed there.
func viteCommand(manager, script string) []string {
	argv := []string{manager, "run", "dev"}
	if words := strings.Fields(script); len(words) == 0 || words[0] != "vite" || strings.ContainsAny(script, "&|;") || strings.Contains(script, "clearScreen") {
		return argv
	}
	if manager == "npm" {
		argv = append(argv, "--") // what follows is for the script
	}
	return append(argv, "--clearScreen", "false")
}

// makefile reads how a Makefile calls go build.
type makefile struct {
	name, target string
	output       string
	tags         []string
}

var (
	buildLine  = regexp.MustCompile(`(?m)^([A-Za-z0-9_./-]+)\s*:[^=\n]*\n((?:\t[^\n]*\n?)*)`)
	variable   = regexp.MustCompile(`(?m)^([A-Za-z0-9_]+)[ \t]*[:?]?=[ \t]*([^#\n]*)`)
	outputFlag = regexp.MustCompile(`\s-o[ =]+(\S+)`)
	tagsFlag   = regexp.MustCompile(`\s-tags[ =]+("[^"]*"|'[^']*'|\S+)`)
)

// readMakefile finds the target that builds: that named build, else the first.
func readMakefile(dir string) (m makefile) {
	entries, _ := os.ReadDir(dir)
	for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
		// As it is written: a disk that ignores case opens a Makefile as makefile, too.
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name }) {
			continue
		}
		data, err := files.Read(filepath.Join(dir, name), files.MaxConfig)
		if err != nil {
			continue
		}
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\\\n"), []byte(" "))
		values := map[string]string{}
		for _, v := range variable.FindAllSubmatch(data, -1) {
			values[string(v[1])] = strings.TrimSpace(string(v[2]))
		}
		recipe := ""
		for _, t := range buildLine.FindAllSubmatch(data, -1) {
			target, text := string(t[1]), string(t[2])
			if strings.Contains(text, "go build") && !strings.HasPrefix(target, ".") && (recipe == "" || target == "build") {
				m.name, m.target, recipe = name, target, text
			}
		}
		if o := outputFlag.FindStringSubmatch(recipe); o != nil && !strings.Contains(o[1], "$") {
			m.output = o[1]
		}
		if t := tagsFlag.FindStringSubmatch(expand(recipe, values, 0)); t != nil {
			m.tags = strings.FieldsFunc(strings.Trim(t[1], `"'`), func(r rune) bool { return r == ',' || r == ' ' })
		}
		break // make reads the first that exists
	}
	return m
}

// expand replaces the variables of a Makefile. A function, and what is set nowhere, is empty.
func expand(text string, values map[string]string, depth int) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) || depth > 5 {
			out.WriteByte(text[i])
			continue
		}
		opening, closing := text[i+1], byte(')')
		if opening == '{' {
			closing = '}'
		} else if opening != '(' {
			i++ // $$, $@
			continue
		}
		level, end := 0, i+1
		for ; end < len(text); end++ {
			if text[end] == opening {
				level++
			} else if text[end] == closing {
				if level--; level == 0 {
					break
				}
			}
		}
		if end < len(text) {
			out.WriteString(expand(values[text[i+2:end]], values, depth+1))
		}
		i = end
	}
	return out.String()
}

// add keeps the tags, and mentions the target.
func (m makefile) add(d *draft, found func(string, ...any)) {
	if m.target == "" {
		return
	}
	found("%s (target %s runs go build; hotreload calls go build itself)", m.name, m.target)
	if len(m.tags) > 0 {
		d.set("build.tags", stringList(m.tags), fmt.Sprintf("From %s, target %s.", m.name, m.target))
	}
	settings := []string{"command = " + stringList([]string{"make", m.target})}
	if m.output != "" {
		settings = append(settings, "output = "+config.Quote(m.output))
	}
	d.suggest("build", "hotreload calls go build itself, which is faster. To build by "+m.name+" instead:", settings...)
}
