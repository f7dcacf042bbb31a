package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/discover"
	"github.com/hotreload/hotreload/internal/files"
)

// translate makes the file from another tool's: Air's TOML, or Fresh's runner.conf.
func translate(o Options) (Result, error) {
	from := o.From
	if !filepath.IsAbs(from) {
		from = filepath.Join(o.Dir, from)
	}
	data, err := files.Read(from, files.MaxConfig)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Result{}, advice.With(fmt.Errorf("there is no file %s", from), "--from takes an .air.toml or a runner.conf: `hotreload init --from .air.toml`")
		}
		return Result{}, fmt.Errorf("%s %w", from, err)
	}
	if data, err = files.Text(data); err != nil {
		return Result{}, fmt.Errorf("%s %w", from, err)
	}
	t := &translation{name: filepath.Base(from), dir: o.Dir, values: map[string]any{}, done: map[string]bool{}}
	if isFreshConfig(t.name, string(data)) {
		return t.fromFresh(string(data))
	}
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		place := from
		if de := (*toml.DecodeError)(nil); errors.As(err, &de) {
			line, column := de.Position()
			place = fmt.Sprintf("%s:%d:%d", from, line, column)
		}
		return Result{}, advice.With(fmt.Errorf("%s: not valid TOML: %s", place, strings.TrimPrefix(err.Error(), "toml: ")), "Air would not read it either; without --from, init reads the project itself")
	}
	flatten(doc, "", t.values)
	return t.air()
}

func flatten(doc map[string]any, prefix string, into map[string]any) {
	for key, v := range doc {
		if table, ok := v.(map[string]any); ok && len(table) > 0 && !slices.Contains([]string{"build.windows", "build.darwin", "build.linux"}, prefix+key) {
			flatten(table, prefix+key+".", into)
			continue
		}
		into[prefix+key] = v
	}
}

// translation is one file on its way.
type translation struct {
	name   string
	dir    string
	values map[string]any  // dotted key -> value
	done   map[string]bool // carried over, or dropped with a reason
	d      *draft
	drops  []string
	notes  []string
	paths  []string // of the rules so far
}

// reasons are why a key of Air is not translated. "" means that it is: air() uses it,
// and drops it itself where its value cannot be kept. Every key of Air's Config struct of
// v1.67 is here.
var reasons = map[string]string{
	"root":         "",
	"tmp_dir":      "binaries are kept in hotreload's own cache directory",
	"testdata_dir": "only files that the program is built from count, and those of rules",
	"env_files":    "",

	"build.pre_cmd":                   "",
	"build.cmd":                       "",
	"build.post_cmd":                  "hotreload runs nothing at the end of a session; do it in the program's own shutdown",
	"build.bin":                       "",
	"build.entrypoint":                "",
	"build.full_bin":                  "",
	"build.args_bin":                  "",
	"build.log":                       "long build output is saved to a file, and its name is printed",
	"build.include_ext":               "",
	"build.exclude_dir":               "",
	"build.include_dir":               "",
	"build.exclude_file":              "",
	"build.include_file":              "",
	"build.exclude_regex":             "",
	"build.exclude_unchanged":         "only changes of content count",
	"build.ignore_dangerous_root_dir": "a .hotreload.toml in the directory itself allows it",
	"build.follow_symlink":            "packages behind symbolic links are always followed",
	"build.poll":                      "",
	"build.poll_interval":             "",
	"build.delay":                     "no fixed delay: a build starts at the first change and again if more follow; watch.debounce waits for quiet",
	"build.stop_on_error":             "",
	"build.send_interrupt":            "",
	"build.kill_delay":                "",
	"build.rerun":                     "",
	"build.rerun_delay":               "restarts back off automatically, from 0.5s to 30s",
	"build.rules":                     "",
	"build.windows":                   "one file for all platforms; choose another with --config",
	"build.darwin":                    "one file for all platforms; choose another with --config",
	"build.linux":                     "one file for all platforms; choose another with --config",

	"log.time":      "",
	"log.main_only": "run with -q to print less",
	"log.silent":    "run with -q to print less",

	"color.main":    "colours are fixed; --color and NO_COLOR turn them off",
	"color.watcher": "colours are fixed; --color and NO_COLOR turn them off",
	"color.build":   "colours are fixed; --color and NO_COLOR turn them off",
	"color.runner":  "colours are fixed; --color and NO_COLOR turn them off",
	"color.app":     "the program's own output is passed on unchanged",
	"color.mode":    "--color auto|always|never",

	"misc.clean_on_exit":  "nothing is left in the project",
	"misc.startup_banner": "there is no banner",

	"screen.clear_on_rebuild": "",
	"screen.keep_scroll":      "the scrollback is always kept",

	"proxy.enabled":           "",
	"proxy.proxy_port":        "",
	"proxy.app_port":          "",
	"proxy.app_start_timeout": "",
}

func (t *translation) drop(key, reason string) {
	if v, ok := t.values[key]; ok && !t.done[key] {
		t.drops = append(t.drops, key+" = "+shown(v)+": "+reason)
	}
	t.done[key] = true
}

// set carries a setting over, if the value is valid here; else it is listed.
func (t *translation) set(key, val, reason string) {
	table, name, _ := strings.Cut(key, ".")
	if wrong := invalid("[" + table + "]\n" + name + " = " + val + "\n"); wrong != "" {
		t.drops = append(t.drops, wrong)
		return
	}
	t.d.set(key, val, reason)
}

// rule is the same for a rule. A path that an earlier rule has never gets to a later one.
func (t *translation) rule(r rule) {
	r.paths = slices.DeleteFunc(slices.Clone(r.paths), func(p string) bool {
		wrong := invalid("[[rules]]\npaths = " + stringList([]string{p}) + "\n")
		switch {
		case wrong != "":
		case slices.Contains(t.paths, p):
			wrong = "rules.paths: " + shown(p) + " is already in a rule"
		default:
			t.paths = append(t.paths, p)
			return false
		}
		t.drops = append(t.drops, wrong)
		return true
	})
	if len(r.paths) > 0 {
		t.d.rule(r)
	}
}

// invalid is what is wrong with a piece of a config; "" if nothing is.
func invalid(text string) string {
	_, err := config.Parse([]byte(text), "")
	var errs config.Errors
	if errors.As(err, &errs) {
		return errs[0].Message
	}
	return ""
}

func (t *translation) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// shown is a value as the other file has it.
func shown(v any) string {
	switch x := v.(type) {
	case string:
		return config.Quote(x)
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = shown(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, k+" = "+shown(x[k]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(v)
}

// value reads a key as a T; false if it is not there, or no T, which is listed.
func value[T any](t *translation, key string) (T, bool) {
	v, ok := t.values[key]
	if !ok {
		var zero T
		return zero, false
	}
	x, ok := v.(T)
	if !ok {
		t.drop(key, "not understood")
	}
	t.done[key] = true
	return x, ok
}

// texts reads a list of strings; one string is a list of one.
func (t *translation) texts(key string) []string {
	v, ok := t.values[key]
	if !ok {
		return nil
	}
	out, ok := stringsOf(v)
	if !ok {
		t.drop(key, "not understood")
	}
	t.done[key] = true
	return out
}

func stringsOf(v any) ([]string, bool) {
	switch x := v.(type) {
	case string:
		return []string{x}, true
	case []any:
		var out []string
		for _, e := range x {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}

// program is what is built and run, between the two files.
type program struct {
	build      goBuild
	plain      bool   // build can be done by hotreload itself
	cmd        string // the build command otherwise
	before     []string
	bin        string // where cmd leaves the binary
	runsBinary bool
}

func (t *translation) air() (Result, error) {
	dir, err := t.root()
	if err != nil {
		return Result{}, err
	}
	t.d = newDraft("Translated from " + t.name + " by `hotreload init --from`.")
	p := t.build()
	t.run(p)
	t.stopping()
	t.watching(p)
	t.display()
	t.proxy()
	t.envFiles(dir)

	return t.result(dir, "Air", reasons), nil
}

// result is the new file. At its end it lists the keys that were not carried over.
func (t *translation) result(dir, tool string, reasons map[string]string) Result {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if reason, known := reasons[key]; known && reason != "" {
			t.drop(key, reason)
		} else if !t.done[key] {
			t.drop(key, "not a key of "+tool)
		}
	}
	t.finish()
	return Result{
		Path:  filepath.Join(dir, config.FileName),
		Data:  t.d.bytes(),
		Found: []string{fmt.Sprintf("%s (%s, %d keys)", t.name, tool, len(t.values))},
		Notes: t.notes,
	}
}

// finish lists what was not carried over at the end of the file.
func (t *translation) finish() {
	if len(t.drops) == 0 {
		return
	}
	t.d.tail = append(t.d.tail, "# Not translated from "+t.name+", and why:")
	for _, line := range t.drops {
		for i, c := range comments(line) {
			if i > 0 {
				c = "#     " + strings.TrimPrefix(c, "# ")
			} else {
				c = "#   " + strings.TrimPrefix(c, "# ")
			}
			t.d.tail = append(t.d.tail, c)
		}
	}
	what, tail := "1 key of %s was not translated", "reason is"
	if n := len(t.drops); n > 1 {
		what, tail = strconv.Itoa(n)+" keys of %s were not translated", "reasons are"
	}
	t.note(what+"; the %s at the end of the file", t.name, tail)
}

// root is the directory that the paths of the file are relative to; the new file goes
// there, because a config's directory is the root here.
func (t *translation) root() (string, error) {
	root, ok := value[string](t, "root")
	if !ok || root == "" || root == "." {
		return t.dir, nil
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join(t.dir, root)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return "", advice.With(fmt.Errorf("root in %s: %s is not a directory", t.name, root), "fix root, or remove it")
	}
	if root = filepath.Clean(root); root != t.dir {
		t.note("root was %s: the file goes there, because its directory is the root", root)
	}
	return root, nil
}

func samePath(a, b string) bool {
	clean := func(p string) string { return path.Clean(strings.ReplaceAll(p, `\`, "/")) }
	return a != "" && b != "" && clean(a) == clean(b)
}

// build carries over how the program is built. A go build that hotreload can do itself
// becomes settings, because only then it knows inputs and diagnostics best.
func (t *translation) build() *program {
	p := &program{before: t.texts("build.pre_cmd"), runsBinary: true}
	cmd, ok := value[string](t, "build.cmd")
	if !ok || strings.TrimSpace(cmd) == "" {
		cmd = "go build -o ./tmp/main ."
	}
	p.cmd = cmd
	p.build, p.plain = parseGoBuild(cmd)
	p.bin = t.binary(p)
	if p.plain && p.build.output != "" && p.bin != "" {
		out := p.build.output
		inside := strings.HasPrefix(path.Clean(p.bin), path.Clean(out)+"/")
		p.plain = samePath(out, p.bin) || inside
	}
	return p
}

// binary is the file that the build writes, as far as it can be read from Air's keys.
func (t *translation) binary(p *program) string {
	bin := ""
	if list, ok := stringsOf(t.values["build.entrypoint"]); ok && len(list) > 0 {
		bin = list[0]
	} else if s, ok := t.values["build.bin"].(string); ok {
		bin, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	}
	if bin == "" {
		bin = cmp.Or(p.build.output, "./tmp/main")
	}
	return bin
}

// started is what Air starts: an argv, or a line for the shell.
type started struct {
	command, args []string
	shell         string
	env           map[string]string
}

// run carries over what is run, and writes the build settings, which depend on it.
func (t *translation) run(p *program) {
	r := t.started(p)
	t.addArgs(&r)
	if r.shell != "" {
		t.throughShell(p, &r)
	}
	if !p.runsBinary {
		// It runs something else, so what the build writes has to be where it was.
		p.plain = false
	}
	t.buildSettings(p, len(r.command) > 0 && path.Base(r.command[0]) == "dlv")
	if len(r.command) > 0 {
		t.set("run.command", stringList(r.command), "The command to run; {binary} stands for the binary.")
	}
	if len(r.args) > 0 {
		t.set("run.args", stringList(r.args), "Arguments of the program.")
	}
	if len(r.env) > 0 {
		t.set("run.env", variables(r.env), "Environment of the program.")
	}
}

// started reads the three keys of what to start. Air uses them in this order.
func (t *translation) started(p *program) (r started) {
	bin, hasBin := value[string](t, "build.bin")
	entry := t.texts("build.entrypoint")
	full, _ := value[string](t, "build.full_bin")
	switch full = strings.TrimSpace(full); {
	case full != "":
		r.full(p, full)
	case len(entry) > 0:
		r.args = entry[1:]
	case hasBin:
		if line, plain := words(bin); plain && len(line) > 1 {
			r.args = line[1:]
		}
	}
	return r
}

// full takes full_bin: variables, a program and its arguments, or anything that a shell understands.
func (r *started) full(p *program, text string) {
	line, plain := words(text)
	if !plain {
		r.shell = text
		return
	}
	isBinary := func(w string) bool { return samePath(w, p.bin) || p.plain && samePath(w, p.build.output) }
	r.env, line = assignments(line)
	if len(line) > 0 && isBinary(line[0]) {
		r.args = line[1:]
		return
	}
	p.runsBinary = false
	for _, w := range line {
		if isBinary(w) {
			w, p.runsBinary = "{binary}", true
		}
		r.command = append(r.command, w)
	}
}

func (t *translation) addArgs(r *started) {
	for _, a := range t.texts("build.args_bin") {
		if r.shell != "" {
			r.shell += " " + a
			continue
		}
		// Air puts these into a shell's line, which splits and expands them.
		if line, plain := words(a); plain {
			r.args = append(r.args, line...)
		} else {
			r.args = append(r.args, a)
			t.note("run.args: %s went through a shell with Air; here it is passed unchanged", config.Quote(a))
		}
	}
}

// throughShell makes a command of a line for the shell. {binary} replaces the binary in it.
func (t *translation) throughShell(p *program, r *started) {
	p.runsBinary = false
	binary := "{binary}"
	if !strings.ContainsAny(r.shell, `"'`) {
		binary = `"{binary}"` // its path may have spaces
	}
	for _, name := range []string{p.bin, p.build.output} {
		if name = path.Clean(name); name == "." || p.runsBinary {
			continue
		}
		for _, written := range []string{"./" + name, name} { // the longer one first
			if strings.Contains(r.shell, written) {
				r.shell, p.runsBinary = strings.ReplaceAll(r.shell, written, binary), true
			}
		}
	}
	r.command = []string{"sh", "-c", r.shell}
	t.note("run.command goes through a shell as with Air; without one, signals reach the program itself")
}

func variables(env map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		parts = append(parts, name+" = "+config.Quote(env[name]))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func (t *translation) buildSettings(p *program, debugger bool) {
	b := p.build
	if p.plain {
		p.before = append(p.before, b.before...)
		if b.pkg != "." {
			t.set("build.package", config.Quote(b.pkg), "The program.")
		}
		if b.files {
			t.note("build.package: single files were built before, now the whole package %s", b.pkg)
		}
		if len(b.flags) > 0 {
			t.set("build.flags", stringList(b.flags), "Flags of go build.")
		}
		if len(b.tags) > 0 {
			t.set("build.tags", stringList(b.tags), "Build tags.")
		}
		if b.race {
			t.set("build.race", "true", "The race detector.")
		}
		if len(b.env) > 0 {
			t.set("build.env", variables(b.env), "Environment of the build.")
		}
		if b.dwarf || debugger {
			t.set("build.dwarf", "true", "A debugger needs it.")
		}
	} else {
		t.set("build.command", config.Quote(p.cmd), "How the program is built, by the shell as before. If it is a plain go build, set package, flags and tags instead, which is faster.")
		if p.runsBinary {
			t.set("build.output", config.Quote(p.bin), "The binary that command writes. If it did not change, nothing is restarted.")
		}
	}
	if before := slices.DeleteFunc(slices.Clone(p.before), func(s string) bool { return strings.TrimSpace(s) == "" }); len(before) > 0 {
		t.set("build.before", stringList(before), "Run before each build, by the shell as before.")
		p.before = before
	}
}

func (t *translation) stopping() {
	if on, ok := value[bool](t, "build.stop_on_error"); ok {
		if on {
			t.set("run.on_build_error", `"stop"`, "The old program is stopped when the code does not build.")
		} else {
			t.drops = append(t.drops, "build.stop_on_error = false: the default here; the old program keeps running (Air starts it again)")
		}
	}
	delay, hasDelay := t.killDelay()
	on, ok := value[bool](t, "build.send_interrupt")
	switch {
	case on:
		t.set("run.stop_signal", `"SIGINT"`, "How the program is asked to stop.")
		if hasDelay {
			t.set("run.stop_timeout", config.Quote(delay.String()), "How long it may take before it is killed.")
		} else {
			t.note("run.stop_timeout: Air's default is 0s; here a program has 5s to end before it is killed")
		}
	case ok:
		t.drops = append(t.drops, `build.send_interrupt = false: Air kills at once; here the program gets SIGTERM and up to 5s to end. To kill at once: run.stop_timeout = "0s"`)
		fallthrough
	default:
		if hasDelay {
			t.drops = append(t.drops, "build.kill_delay = "+shown(t.values["build.kill_delay"])+": Air uses it only with send_interrupt = true")
		}
	}
	if on, _ := value[bool](t, "build.rerun"); on {
		t.set("run.restart", `"always"`, "Restarted when it ends.")
	}
}

// killDelay reads Air's kill_delay: text with a unit, or a number, of which one below a
// million means milliseconds and one above nanoseconds.
func (t *translation) killDelay() (time.Duration, bool) {
	switch v := t.values["build.kill_delay"].(type) {
	case string:
		t.done["build.kill_delay"] = true
		if d, err := time.ParseDuration(v); err == nil && d >= 0 {
			return d, true
		}
		t.done["build.kill_delay"] = false
		t.drop("build.kill_delay", "not a duration")
	case int64:
		t.done["build.kill_delay"] = true
		if d := time.Duration(v); d >= time.Millisecond {
			return d.Truncate(time.Millisecond), true
		} else if d >= 0 {
			return d * time.Millisecond, true
		}
	}
	return 0, false
}

// Files that generators read rather than programs: with a build command of one's own, a
// change of them has to run it.
var generatorExts = []string{"templ", "sql", "proto", "graphql", "graphqls", "css", "scss", "sass", "less", "js", "ts", "jsx", "tsx", "vue", "svelte", "thrift", "capnp"}

// Files that the build graph knows about.
var inputExts = []string{"go", "mod", "sum", "work"}

func (t *translation) watching(p *program) {
	t.excludes()
	dirs, outside := t.includeDirs()
	if len(outside) > 0 {
		t.set("watch.include", stringList(outside), "More directories to watch.")
	}
	t.polling()
	t.airRules()
	if dirs = append(dirs, outside...); len(dirs) == 0 {
		dirs = []string{"."}
	}
	t.otherFiles(p, dirs)
}

func (t *translation) polling() {
	on, _ := value[bool](t, "build.poll")
	if on {
		t.set("watch.backend", `"poll"`, "Files are compared at an interval, instead of using file events.")
	}
	ms, ok := value[int64](t, "build.poll_interval")
	switch {
	case ok && on:
		t.set("watch.poll_interval", config.Quote((time.Duration(max(ms, 500)) * time.Millisecond).String()), "")
	case ok:
		t.drops = append(t.drops, fmt.Sprintf("build.poll_interval = %d: used only with poll = true; watch.poll_interval if polling is chosen", ms))
	}
}

// otherFiles makes rules for the files that the program is not built from: Air names them by
// their ends, in the directories given, or one by one.
func (t *translation) otherFiles(p *program, dirs []string) {
	exts := t.includeExts()
	if slices.Contains(exts, "*") {
		t.note(`include_ext = ["*"]: every file under the root restarts the program; narrow it in [[rules]]`)
	}
	steps := strings.Join(p.before, " && ")
	var restart, rebuild []string
	for _, e := range exts {
		if steps == "" && !p.plain && slices.Contains(generatorExts, e) {
			rebuild = append(rebuild, e)
		} else {
			restart = append(restart, e)
		}
	}
	if len(rebuild) > 0 {
		t.rule(rule{"Read by build.command.", globsOf(dirs, rebuild), "rebuild", ""})
	}
	if paths := append(globsOf(dirs, restart), t.includeFiles()...); len(paths) > 0 {
		r := rule{"Read by the program when it starts; nothing is built.", paths, "restart", ""}
		if steps != "" {
			r.reason, r.command = "Read by the program, or by the commands of build.before.", config.Quote(steps)
		}
		t.rule(r)
	}
}

// includeExts are the ends of names that Air watches, without those of Go's own files.
func (t *translation) includeExts() (exts []string) {
	if _, set := t.values["build.include_ext"]; !set {
		return []string{"tpl", "tmpl", "html"}
	}
	for _, e := range t.texts("build.include_ext") {
		e = strings.TrimPrefix(strings.TrimSpace(e), ".")
		if e != "" && e != "env" && !slices.Contains(inputExts, e) && !slices.Contains(exts, e) {
			exts = append(exts, e)
		}
	}
	return exts
}

// globsOf are the globs of the files with these ends of names in directories.
func globsOf(dirs, exts []string) (globs []string) {
	if len(exts) == 0 {
		return nil
	}
	files := "**/" + extensions(exts)
	if slices.Contains(exts, "*") {
		files = "**"
	}
	for _, dir := range dirs {
		globs = append(globs, under(dir, files))
	}
	return globs
}

func (t *translation) includeDirs() (inside, outside []string) {
	for _, dir := range t.texts("build.include_dir") {
		dir = strings.TrimSpace(strings.ReplaceAll(dir, `\`, "/"))
		switch {
		case dir == "" || dir == "*":
		case path.IsAbs(dir) || path.Clean(dir) == ".." || strings.HasPrefix(path.Clean(dir), "../"):
			if path.IsAbs(dir) {
				t.drops = append(t.drops, "build.include_dir: "+shown(dir)+" is absolute; put it into watch.include and rules as a relative path")
				continue
			}
			outside = append(outside, path.Clean(dir))
		default:
			inside = append(inside, path.Clean(dir))
		}
	}
	if len(inside) > 0 {
		t.drops = append(t.drops, "build.include_dir = "+stringList(inside)+": Go files count if the program is built from them, wherever they are; for other files, it is in the paths of [[rules]]")
	}
	return inside, outside
}

func (t *translation) includeFiles() (paths []string) {
	var goFiles []string
	for _, f := range t.texts("build.include_file") {
		f = path.Clean(strings.ReplaceAll(strings.TrimSpace(f), `\`, "/"))
		switch {
		case f == "." || f == ".env":
		case slices.Contains(inputExts, strings.TrimPrefix(path.Ext(f), ".")):
			goFiles = append(goFiles, f)
		case path.IsAbs(f):
			t.drops = append(t.drops, "build.include_file: "+shown(f)+" is absolute; name it in [[rules]] as a relative path")
		default:
			paths = append(paths, discover.Escape(f))
		}
	}
	if len(goFiles) > 0 {
		t.drops = append(t.drops, "build.include_file = "+stringList(goFiles)+": they count if the program is built from them")
	}
	return paths
}

func (t *translation) excludes() {
	var globs []string
	for _, dir := range t.texts("build.exclude_dir") {
		dir = path.Clean(strings.TrimSpace(strings.ReplaceAll(dir, `\`, "/")))
		base := path.Base(dir)
		switch {
		case dir == "." || base == "node_modules" || base == ".git":
			// Built-in noise.
		case path.IsAbs(dir) || strings.HasPrefix(dir, "../"):
			t.drops = append(t.drops, "build.exclude_dir: "+shown(dir)+" is outside the root, where nothing is watched")
		default:
			// With a slash, so that it matches only in the root, as with Air.
			globs = append(globs, discover.Escape(dir)+"/**")
		}
	}
	for _, f := range t.texts("build.exclude_file") {
		f = path.Clean(strings.TrimSpace(strings.ReplaceAll(f, `\`, "/")))
		if f != "." && !path.IsAbs(f) {
			globs = append(globs, f)
		}
	}
	for _, re := range t.texts("build.exclude_regex") {
		glob, ok := globOf(re)
		switch {
		case glob == "*_test.go*" || glob == "*_test.go":
			t.drops = append(t.drops, "build.exclude_regex: "+shown(re)+": a program is not built from tests")
		case ok:
			globs = append(globs, glob)
		default:
			t.drops = append(t.drops, "build.exclude_regex: "+shown(re)+": no glob matches the same; add one to watch.exclude if such files trigger anything")
		}
	}
	globs = slices.DeleteFunc(globs, func(g string) bool {
		wrong := invalid("[watch]\nexclude = " + stringList([]string{g}) + "\n")
		if wrong != "" {
			t.drops = append(t.drops, wrong)
		}
		return wrong != ""
	})
	t.exclude(globs)
}

func (t *translation) exclude(globs []string) {
	if len(globs) > 0 {
		t.set("watch.exclude", stringList(globs), "Files to ignore, in addition to .gitignore and the built-in patterns. Files that the program is built from always count.")
	}
}

// literalRegexp is a regular expression that only names text: letters, escaped dots, .*
var literalRegexp = regexp.MustCompile(`^\^?(?:[A-Za-z0-9_-]|\\[.\-/_]|\.\*|\.)+\$?$`)

// globOf is a glob that matches what re matches somewhere in a path, where that is easy
// to say. A glob without slash matches the name of a file or directory at any depth.
func globOf(re string) (string, bool) {
	if !literalRegexp.MatchString(re) || strings.HasPrefix(re, "^") {
		return "", false
	}
	end := "*"
	if body, ok := strings.CutSuffix(re, "$"); ok {
		re, end = body, ""
	}
	var b strings.Builder
	b.WriteByte('*')
	for i := 0; i < len(re); i++ {
		switch {
		case strings.HasPrefix(re[i:], ".*"):
			b.WriteByte('*')
			i++
		case re[i] == '.':
			b.WriteByte('.') // in "_test.go" it means a dot to whoever wrote it
		case re[i] == '\\':
			i++
			if re[i] == '/' {
				return "", false
			}
			b.WriteByte(re[i])
		default:
			b.WriteByte(re[i])
		}
	}
	glob := b.String() + end
	for strings.Contains(glob, "**") {
		glob = strings.ReplaceAll(glob, "**", "*")
	}
	return glob, glob != "*"
}

// airRules carries over [[build.rules]]: a command and nothing else.
func (t *translation) airRules() {
	v, ok := t.values["build.rules"]
	if !ok {
		return
	}
	t.done["build.rules"] = true
	entries, _ := v.([]any)
	for i, e := range entries {
		table, _ := e.(map[string]any)
		name, _ := table["name"].(string)
		t.airRule(cmp.Or(name, "rule "+strconv.Itoa(i)), table)
	}
}

func (t *translation) airRule(name string, table map[string]any) {
	cmd, _ := table["cmd"].(string)
	dirs, _ := stringsOf(table["include_dir"])
	exts, _ := stringsOf(table["include_ext"])
	files, _ := stringsOf(table["include_file"])
	if strings.TrimSpace(cmd) == "" || len(dirs)+len(exts)+len(files) == 0 {
		t.drops = append(t.drops, "build.rules "+name+": Air does not accept it either")
		return
	}
	if len(exts) == 0 && len(files) == 0 {
		exts = []string{"*"}
	}
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	for i, dir := range dirs {
		dirs[i] = strings.ReplaceAll(dir, `\`, "/")
	}
	for i, e := range exts {
		exts[i] = strings.TrimPrefix(strings.TrimSpace(e), ".")
	}
	paths := globsOf(dirs, exts)
	for _, f := range files {
		paths = append(paths, discover.Escape(path.Clean(strings.ReplaceAll(f, `\`, "/"))))
	}
	t.rule(rule{name + ": a command, without build or restart.", paths, "none", config.Quote(cmd)})
	for _, without := range []struct{ key, reason string }{
		{"exclude_regex", "use more exact paths"},
		{"delay", "changes are gathered by watch.debounce"},
	} {
		if v, ok := table[without.key]; ok {
			t.drops = append(t.drops, "build.rules "+name+": "+without.key+" = "+shown(v)+": "+without.reason)
		}
	}
}

func (t *translation) display() {
	if on, ok := value[bool](t, "log.time"); ok {
		if on {
			t.drops = append(t.drops, "log.time = true: the default here")
		} else {
			t.set("log.time", "false", "")
		}
	}
	if on, ok := value[bool](t, "screen.clear_on_rebuild"); ok {
		if on {
			t.set("log.clear", "true", "The terminal is cleared at each rebuild.")
		} else {
			t.drops = append(t.drops, "screen.clear_on_rebuild = false: the default here")
		}
	}
}

func (t *translation) proxy() {
	on, _ := value[bool](t, "proxy.enabled")
	if !on {
		for _, key := range []string{"proxy.enabled", "proxy.proxy_port", "proxy.app_port", "proxy.app_start_timeout"} {
			t.done[key] = false
			t.drop(key, "the proxy was off")
		}
		return
	}
	listen, hasListen := value[int64](t, "proxy.proxy_port")
	app, hasApp := value[int64](t, "proxy.app_port")
	valid := func(n int64) bool { return n > 0 && n <= 65535 }
	if !hasListen || !hasApp || !valid(listen) || !valid(app) || listen == app {
		t.note("the proxy was on without two valid ports; set proxy.listen and proxy.app")
	} else {
		t.set("proxy.listen", config.Quote(fmt.Sprintf("127.0.0.1:%d", listen)), "The address to open in the browser; reachable only from this machine (Air: from others too).")
		t.set("proxy.app", config.Quote(fmt.Sprintf("127.0.0.1:%d", app)), "Where the program listens.")
	}
	if ms, ok := value[int64](t, "proxy.app_start_timeout"); ok && ms > 0 {
		t.set("run.ready_timeout", config.Quote((time.Duration(ms) * time.Millisecond).String()), "How long the program may take to be ready.")
	}
}

func (t *translation) envFiles(root string) {
	if _, ok := t.values["env_files"]; ok {
		if files := t.texts("env_files"); !slices.Equal(files, []string{".env"}) {
			t.set("run.env_files", stringList(slices.DeleteFunc(files, func(f string) bool { return f == "" })), "Files with NAME=value lines, read at each start.")
		}
		return
	}
	if isFile(root, ".env") {
		t.set("run.env_files", "[]", "Air did not read .env. Without this line, it is read at each start, and a change restarts the program.")
	}
}

// Fresh: a file of "key: value" lines.

func isFreshConfig(name, data string) bool {
	if name == "runner.conf" {
		return true
	}
	return !strings.HasSuffix(name, ".toml") && !strings.Contains(data, "=") && freshLine.MatchString(data)
}

var freshLine = regexp.MustCompile(`(?m)^\s*([a-z_]+)\s*[:=]\s*(.*?)\s*$`)

// freshReasons is the counterpart of reasons for Fresh.
var freshReasons = map[string]string{
	"root":              "",
	"tmp_path":          "binaries are kept in hotreload's own cache directory",
	"build_name":        "the binary is named after the package",
	"build_log":         "long build output is saved to a file, and its name is printed",
	"valid_ext":         "",
	"no_rebuild_ext":    "",
	"ignored":           "",
	"ignore":            "",
	"build_delay":       "no fixed delay: a build starts at the first change and again if more follow; watch.debounce waits for quiet",
	"colors":            "--color auto|always|never",
	"log_color_main":    "colours are fixed; --color and NO_COLOR turn them off",
	"log_color_build":   "colours are fixed; --color and NO_COLOR turn them off",
	"log_color_runner":  "colours are fixed; --color and NO_COLOR turn them off",
	"log_color_watcher": "colours are fixed; --color and NO_COLOR turn them off",
	"log_color_app":     "the program's own output is passed on unchanged",
	"config_path":       "the file is found by its name, or named by --config",
	"version":           "hotreload has no such key",
}

func (t *translation) fromFresh(data string) (Result, error) {
	for _, line := range strings.Split(data, "\n") {
		if m := freshLine.FindStringSubmatch(line); m != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			t.values[m[1]] = strings.Trim(m[2], `"'`)
		}
	}
	dir, err := t.root()
	if err != nil {
		return Result{}, err
	}
	t.d = newDraft("Translated from " + t.name + " (Fresh) by `hotreload init --from`.")
	if exts := t.freshExts(); len(exts) > 0 {
		t.rule(rule{"Read by the program when it starts; nothing is built.", globsOf([]string{"."}, exts), "restart", ""})
	}
	var globs []string
	for _, g := range append(t.freshList("ignored"), t.freshList("ignore")...) {
		g = path.Clean(strings.ReplaceAll(g, `\`, "/"))
		if g != "." && !path.IsAbs(g) && g != "tmp" {
			globs = append(globs, discover.Escape(g)+"/**")
		}
	}
	t.exclude(globs)
	return t.result(dir, "Fresh", freshReasons), nil
}

// freshExts are the ends of names that Fresh watches, without those of Go's own files.
func (t *translation) freshExts() (out []string) {
	exts := []string{"tpl", "tmpl", "html"}
	if _, ok := t.values["valid_ext"]; ok {
		exts = t.freshList("valid_ext")
	}
	for _, e := range append(exts, t.freshList("no_rebuild_ext")...) {
		e = strings.TrimPrefix(e, ".")
		if !slices.Contains(inputExts, e) && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

func (t *translation) freshList(key string) (out []string) {
	text, _ := value[string](t, key)
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
