package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

// failure is a command that failed, or whose result cannot be used.
type failure struct {
	step   Step
	before bool // a step before the build, or before what else waits for it
	alone  bool // a step that no build follows
	golang bool // go build
	end    ending
	found  *diagnoser
	phases map[string]phases // of a go build that succeeded, by the name of the program
}

// name is the command for people, short enough for one line.
func (f failure) name() string {
	s := f.step.Shell
	if s == "" {
		s = strings.Join(f.step.Argv, " ")
		if f.golang {
			s = "go build"
		}
	}
	s, _, long := strings.Cut(strings.TrimSpace(s), "\n")
	if len(s) > 60 {
		s, long = strings.ToValidUTF8(s[:60], ""), true
	}
	if long {
		s += "..."
	}
	return s
}

// refuse is the result when the build could not even begin.
func (b *Builder) refuse(err error) Result {
	r := Result{Summary: err.Error(), Hint: advice.Hint(err)}
	if errors.Is(err, syscall.ENOSPC) {
		r.Summary, r.Hint = spaceSummary(b.o.Cache), spaceHint
	}
	return r
}

// failed is the result of a command that did not succeed.
func (b *Builder) failed(ctx context.Context, f failure, out *output) Result {
	var r Result
	if f.found != nil { // nil: copying
		r.Diagnostics = frames(f.found.found(), f.golang)
	}
	switch {
	case f.end.stopped:
		r.Summary = fmt.Sprintf("%s took longer than %v and was stopped", f.name(), b.o.Timeout)
		r.Hint = "give the build a longer timeout, or none (0s), if it needs that long"
	case f.end.err != nil:
		r.Summary, r.Hint = b.notStarted(f)
	default:
		r.Summary, r.Hint = b.explain(ctx, f, string(out.peek()), r.Diagnostics)
	}
	switch {
	case f.before && f.alone:
		r.Summary = fmt.Sprintf("the command %q failed: %s", f.name(), r.Summary)
	case f.before:
		r.Summary = fmt.Sprintf("the step %q before the build failed: %s", f.name(), r.Summary)
	}
	r.Output, r.OutputFile = out.finish()
	return r
}

func (b *Builder) notStarted(f failure) (summary, hint string) {
	err := f.end.err
	name := f.name()
	if len(f.step.Argv) > 0 {
		name = f.step.Argv[0]
	}
	switch hint := advice.Hint(err); {
	case hint != "":
		return err.Error(), hint
	case errors.Is(err, syscall.ENOSPC):
		return spaceSummary(b.o.Cache), spaceHint
	case errors.Is(err, fs.ErrNotExist) && !dirExists(b.o.Dir):
		return fmt.Sprintf("the directory %s does not exist", b.o.Dir), ""
	case errors.Is(err, fs.ErrNotExist):
		if name != filepath.Base(name) {
			return fmt.Sprintf("%s does not exist, or its interpreter does not", name), "check the path; a script's first line names its interpreter"
		}
		return fmt.Sprintf("%s is not on PATH", name), "install it, or name it by its path"
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Sprintf("%s is not a program that this system can run", name), "start the script with a line such as #!/bin/sh, or give the command as one string for the shell"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s may not be executed", name), executeHint
	}
	return fmt.Sprintf("%s could not be started: %v", name, err), ""
}

func dirExists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// rule recognises a cause in the output. summary and hint may use $1, $2; an empty summary
// leaves the count of the errors.
type rule struct {
	pattern       *regexp.Regexp
	summary, hint string
}

func match(pattern, summary, hint string) rule {
	return rule{regexp.MustCompile(`(?m)` + pattern), summary, hint}
}

const spaceHint = "free some space there; the next change builds again"

func spaceSummary(place string) string { return "no space left on device: " + place }

// rules are tried in order; the first that matches counts. They are compiled at the first
// failure.
var rules = sync.OnceValue(func() []rule {
	return []rule{
		match(`(?:/|\\|^|\s)(?:compile|asm|cgo|cc1|cc1plus|as)(?:\.exe)?: signal: killed|Killed signal terminated program cc1`,
			"the compiler was killed (out of memory?)", memoryHint),
		match(`(?:/|\\|^|\s)link(?:\.exe)?: signal: killed|ld terminated with signal 9|running \S+ failed: signal: killed`,
			"the linker was killed (out of memory?)", memoryHint),
		match(`([\w.-]+): signal: killed`, "$1 was killed (out of memory?)", memoryHint),
		match(`(?:/|\\|^|\s)(compile|link|asm|cgo)(?:\.exe)?: (signal: .*)`, "the toolchain crashed ($1: $2)",
			"build again; if it crashes again, the Go toolchain or this machine's memory is broken"),
		// The rest is about go build.
		match(`^go: (go\.\w+|\S+) requires go >= (\S+) \(running go (\S+); GOTOOLCHAIN=(\S+)\)`,
			"$1 requires go $2, and this is go $3",
			"install go $2, or let go fetch it with GOTOOLCHAIN=auto (it is $4)"),
		match(`^go: download (go\S+) for \S+: toolchain not available`, "the toolchain $1 cannot be downloaded",
			"check the go and toolchain lines of go.mod, and the network"),
		match(`^go: (?:errors parsing|no go directive)`, "", ""),
		match(`go\.mod file not found in current directory or any parent directory`, "there is no go.mod in %DIR% or above",
			"create one with `go mod init NAME`, or start in the module's directory"),
		match(`no Go files in (.*)$`, "no Go files in $1", "name the directory of the main package"),
		match(`build constraints exclude all Go files in (.*)$`, "build constraints exclude all Go files in $1",
			"it may need a build tag, or CGO_ENABLED=1, or another GOOS"),
		match(`^(?:stat )?(.*): directory not found$`, "there is no directory $1", "name the directory of the main package"),
		match(`directory (\S+) (?:outside main module|outside available modules|is not in|is contained in a module that is not one of the workspace modules)`, "", "add the module to go.work (go work use), or a replace directive to go.mod"),
		match(`error obtaining VCS status: (.*)`, "go could not query the version control system: $1",
			"-buildvcs=false builds without it"),
		match(`inconsistent vendoring|is marked as explicit in vendor/modules\.txt|cannot find module providing package \S+: import lookup disabled by -mod=vendor`, "", "run go mod vendor"),
		match(`missing go\.sum entry`, "", "run go mod tidy"),
		match(`(?:updates to go\.(?:mod|sum|work) needed|no required module provides|cannot find module providing)[^\n]*(?:\n\t(go (?:get|mod)[^\n]*))`, "", "run $1"),
		match(`updates to go\.(?:mod|sum|work) needed|no required module provides|is explicitly required in go\.mod, but not`, "", "run go mod tidy"),
		match(`module lookup disabled by (GOPROXY=off|GOFLAGS=\S+)|module lookup disabled by (-mod=\S+)`, "a module is missing and may not be downloaded ($1$2)", "allow the download once, or vendor the module"),
		match(`(?:dial tcp|proxyconnect|no such host|TLS handshake timeout|i/o timeout|connection refused)`, "a module could not be downloaded",
			"check the network, GOPROXY and HTTPS_PROXY"),
		match(`^(?:go: )?(build cache is required, but could not be located: .*)`, "$1", "set HOME or GOCACHE"),
		match(`^(?:go: )?failed to initialize build cache at (.*?): (.*)$`, "the build cache $1 cannot be used: $2",
			"make it writable, or set GOCACHE to a directory that is"),
		match(`^go: (?:creating work dir|could not create .*): (.*)$`, "$1", ""),
		match(`(?:open|create|mkdir|write|rename) (.+): (read-only file system|permission denied)`, "$1: $2", "make it writable"),
		match(`function main is undeclared in the main package`, "the main package has no func main", ""),
		match(`^go: (-race requires cgo.*)`, "$1", "set CGO_ENABLED=1 and install a C compiler, or build without race"),
		match(`C compiler "?([^"\n]+)"? not found`, "the C compiler $1 is not on PATH", "install it, or set CGO_ENABLED=0"),
		match(`^found packages (.*) in (.*)$`, "$2 contains two packages: $1", ""),
		match(`^(flag provided but not defined: .*|invalid (?:boolean )?(?:value|flag) .*)`, "$1", "check the build flags"),
		match(`^go: (parsing \$?%?GOFLAGS.*)`, "$1", "check GOFLAGS"),
		match(`matched no packages`, "%PACKAGE% matches no packages", "name the directory of the main package"),
	}
})

// generalRules is the number of those at the start that apply to any command.
const generalRules = 4

const memoryHint = "free memory, or compile fewer packages at a time (-p=1)"

var noSpace = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)(?:(?:mkdir|open|write|create|rename|copy|close|truncate|fallocate|sync) (.+?): )?(?:no space left on device|No space left on device|disk quota exceeded|There is not enough space on the disk)`)
})

// explain puts the failure into one line. Messages with places are counted; a rule may then
// only add its hint. Below a "# package" line not even that: compilers quote sources, and
// a source may say "connection refused".
func (b *Builder) explain(ctx context.Context, f failure, text string, found []Diagnostic) (summary, hint string) {
	count := b.count(f, found)
	if count == "" {
		if m := noSpace().FindStringSubmatch(text); m != nil {
			return spaceSummary(b.fullPlaceIn(m[1])), spaceHint
		}
		if f.golang && strings.Contains(text, "cannot write multiple packages to non-directory") {
			return b.severalPackages(ctx)
		}
	}
	if st := f.end.state; st.Signal != 0 || st.Code == 128+int(syscall.SIGKILL) {
		return killedSummary(f, st.Signal), memoryHint
	}
	if count != "" && (strings.HasPrefix(text, "# ") || strings.Contains(text, "\n# ")) {
		return count, ""
	}
	summary, hint = b.byRule(f, text)
	switch {
	case count != "":
		return count, hint
	case summary != "":
		return summary, hint
	case hint == "" && f.golang:
		if place := b.fullPlace(); place != "" {
			return spaceSummary(place), spaceHint
		}
	}
	return f.firstWords(text, found), hint
}

// firstWords is the summary of a failure whose cause is not known.
func (f failure) firstWords(text string, found []Diagnostic) string {
	switch {
	case len(found) > 0:
		return strings.TrimSuffix(found[0].Message, ":")
	case f.golang && lastLine(text) != "":
		return lastLine(text)
	case f.before:
		return fmt.Sprintf("exit code %d", f.end.state.Code)
	}
	return fmt.Sprintf("%s failed with exit code %d", f.name(), f.end.state.Code)
}

// fullPlaceIn names the place of a message about a full disk. The linker names none: it writes
// below GOTMPDIR.
func (b *Builder) fullPlaceIn(named string) string {
	if named == "" {
		return b.o.Cache
	}
	return b.placeOf(named)
}

// byRule applies the first rule that matches.
func (b *Builder) byRule(f failure, text string) (summary, hint string) {
	list := rules()
	if !f.golang {
		list = list[:generalRules]
	}
	for _, r := range list {
		m := r.pattern.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		expand := func(template string) string {
			s := string(r.pattern.ExpandString(nil, template, text, m))
			return strings.NewReplacer("%DIR%", b.o.Dir, "%PACKAGE%", b.o.Package).Replace(s)
		}
		return expand(r.summary), expand(r.hint)
	}
	return "", ""
}

func killedSummary(f failure, sig syscall.Signal) string {
	name := f.name()
	if f.before {
		name = "it"
	}
	if sig == syscall.SIGKILL || sig == 0 {
		return name + " was killed (out of memory?)"
	}
	return fmt.Sprintf("%s was ended by a signal (%v)", name, sig)
}

// placeOf names the directory that a person can do something about: not a file deep in
// a cache.
func (b *Builder) placeOf(path string) string {
	b.mu.Lock()
	goCache := b.tools.goCache
	b.mu.Unlock()
	if strings.HasPrefix(path, "$WORK") { // go's name for its directory below GOTMPDIR
		return b.o.Cache
	}
	for _, d := range []string{b.o.Cache, goCache} {
		if d != "" && (path == d || strings.HasPrefix(path, d+string(filepath.Separator))) {
			return d
		}
	}
	return path
}

// fullPlace returns the cache, of ours and go's, that has no space left. Where GOCACHE is
// full, the go command may say something else: "package x: cannot find package", because
// it could not write its index of x.
func (b *Builder) fullPlace() string {
	b.mu.Lock()
	goCache := b.tools.goCache
	b.mu.Unlock()
	const little = 1 << 20 // go has removed its temporary files already
	for _, d := range []string{goCache, b.o.Cache} {
		if n, known := freeSpace(d); known && n < little {
			return d
		}
	}
	return ""
}

// count sums up the diagnostics that have a place: "2 errors in ./api". Empty if none has.
func (b *Builder) count(f failure, found []Diagnostic) string {
	var dirs, files []string
	n := 0
	for _, d := range found {
		if d.File == "" {
			continue
		}
		n++
		if dir := b.relative(filepath.Dir(d.File)); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		if file := b.relative(d.File); !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	if n == 0 {
		return ""
	}
	s := fmt.Sprintf("%d errors", n)
	if n == 1 {
		s = "1 error"
	}
	if f.found.truncated() {
		s = fmt.Sprintf("more than %s", s)
	}
	switch {
	case len(files) == 1:
		return s + " in " + files[0]
	case len(dirs) == 1:
		return s + " in " + dirs[0]
	case len(dirs) == 2:
		return s + " in " + dirs[0] + " and " + dirs[1]
	}
	return fmt.Sprintf("%s in %s and %d other directories", s, dirs[0], len(dirs)-1)
}

// relative names a path as a person in Dir would: of another module by module and version, and
// what is far away in full.
func (b *Builder) relative(path string) string {
	if _, module, ok := strings.Cut(filepath.ToSlash(path), "/pkg/mod/"); ok {
		return module
	}
	rel, err := filepath.Rel(b.o.Dir, path)
	far := strings.Repeat(".."+string(filepath.Separator), 3)
	switch home, _ := os.UserHomeDir(); {
	case err == nil && !strings.HasPrefix(rel, far):
	case len(home) > 1 && strings.HasPrefix(path, home+string(filepath.Separator)):
		return "~" + path[len(home):]
	default:
		return path
	}
	switch {
	case rel == ".", strings.HasPrefix(rel, ".."):
		return rel
	}
	return "." + string(filepath.Separator) + rel
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	line := strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "..."
	}
	return line
}

// severalPackages says what the pattern matches.
func (b *Builder) severalPackages(ctx context.Context) (summary, hint string) {
	var mains []string
	others := 0
	for _, p := range b.list(ctx) {
		if p.name == "main" {
			mains = append(mains, b.relative(p.dir))
		} else {
			others++
		}
	}
	switch {
	case len(mains) == 0 && others > 0:
		return fmt.Sprintf("%s matches %d packages, and none is a main package", b.o.Package, others), "name the directory of the main package"
	case len(mains) == 0:
		return b.o.Package + " matches several packages", "name the directory of one main package"
	case len(mains) == 1:
		return fmt.Sprintf("%s matches other packages in addition to the main package %s", b.o.Package, mains[0]), "use " + mains[0]
	}
	return fmt.Sprintf("%s matches several main packages: %s", b.o.Package, strings.Join(mains, ", ")), "name one of them, such as " + mains[0]
}

type listed struct{ name, dir string }

// list asks which packages the pattern matches. Only for messages.
func (b *Builder) list(ctx context.Context) []listed {
	path, err := proc.LookPath(b.o.Env, b.o.Dir, b.o.Go)
	if err != nil {
		return nil
	}
	out := newOutput(os.DevNull)
	argv := []string{b.o.Go, "list", "-e", "-f", "{{.Name}}\t{{.Dir}}"}
	for _, f := range b.Flags() {
		if strings.HasPrefix(f, "-tags=") || strings.HasPrefix(f, "-mod") {
			argv = append(argv, f)
		}
	}
	run(ctx, command{path: path, argv: append(argv, b.o.Package), dir: b.o.Dir, env: proc.SetEnv(b.o.Env, "PWD", b.o.Dir), output: out, stderr: discard{}, hard: true})
	text, _ := out.finish()
	var all []listed
	for line := range strings.Lines(text) {
		if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && name != "" {
			all = append(all, listed{name, dir})
		}
	}
	return all
}

// unusable is the result when the command succeeded but what it left cannot be run.
func (b *Builder) unusable(ctx context.Context, f failure, err error, out *output) Result {
	r := Result{Summary: err.Error()}
	var u *unusableError
	if errors.As(err, &u) {
		if !f.golang {
			u.path = b.o.Output // not our copy of it
			r.Summary = u.Error()
		}
		switch {
		case f.golang && (u.archive || u.missing):
			r.Summary, r.Hint = b.notMain(ctx, u)
		case u.archive:
			r.Hint = "the package that the command builds is not package main"
		case u.missing:
			r.Summary = fmt.Sprintf("%s succeeded but did not write %s", f.name(), b.relative(u.path))
			r.Hint = "set output to the file that the command writes"
		default:
			r.Hint = "set output to the program that the command writes"
		}
	}
	r.Output, r.OutputFile = out.finish()
	return r
}

// notMain explains why go build made an archive, or nothing.
func (b *Builder) notMain(ctx context.Context, u *unusableError) (summary, hint string) {
	hint = "name the directory of the main package"
	all := b.list(ctx)
	switch {
	case len(all) == 1:
		return fmt.Sprintf("%s is package %s, not package main, so there is nothing to run", b.o.Package, all[0].name), hint
	case len(all) == 0 && u.missing:
		return b.o.Package + " matches no packages", hint
	}
	return b.o.Package + " is not package main, so there is nothing to run", hint
}
