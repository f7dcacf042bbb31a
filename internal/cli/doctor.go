package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/watchinfo"
)

// Levels of a finding.
const (
	levelOK   = "ok"
	levelWarn = "warn"
	levelFail = "fail"
)

// finding is one line of the doctor's report.
type finding struct {
	Check   string `json:"check"`
	Level   string `json:"level"` // ok | warn | fail
	Message string `json:"message"`
	Hint    string `json:"hint"` // what to do; empty if nothing is to be done
}

// report of the doctor.
type doctorReport struct {
	OK       bool      `json:"ok"` // nothing fails
	Findings []finding `json:"findings"`
}

func newDoctor(s streams) *cobra.Command {
	var f projectFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the environment for common problems",
		Long: `Check limits, the file system, the cache, the toolchain, the terminal, ports and
environment variables, and suggest what to do about problems. It changes nothing
and makes no network requests. The exit code is 1 if something would keep
hotreload from working.`,
		Example: `  hotreload doctor
  hotreload doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := examine(cmd.Context(), s, &f)
			var err error
			if asJSON {
				err = s.json(r)
			} else {
				err = s.report(r)
			}
			if err == nil && !r.OK {
				err = &codeError{code: exitFailed}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	f.add(cmd)
	return cmd
}

func (s streams) report(r doctorReport) error {
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	for _, f := range r.Findings {
		first, more, _ := strings.Cut(f.Message, "\n")
		safe.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.Check, first)
		for line := range strings.Lines(more) {
			safe.Fprintf(w, "\t\t%s\n", strings.TrimSuffix(line, "\n"))
		}
		if f.Hint != "" {
			safe.Fprintf(w, "\t\thint: %s\n", f.Hint)
		}
	}
	return w.Flush()
}

// doctor collects findings.
type doctor struct {
	ctx     context.Context
	s       streams
	list    []finding
	conf    *config.Config
	root    string
	env     []string // of everything
	tools   []string // of the toolchain: with what the first service that Go builds adds
	session *control.Status
	mains   []string // packages that go builds here
}

func (d *doctor) add(level, check, hint, format string, args ...any) {
	d.list = append(d.list, finding{check, level, fmt.Sprintf(format, args...), hint})
}

func (d *doctor) ok(check, format string, args ...any) { d.add(levelOK, check, "", format, args...) }

func examine(ctx context.Context, s streams, f *projectFlags) doctorReport {
	if ctx == nil {
		ctx = context.Background()
	}
	d := &doctor{ctx: ctx, s: s, env: proc.CleanEnv(os.Environ())}
	d.tools = d.env
	d.ok("hotreload", "%s, %s/%s", Version(), runtime.GOOS, runtime.GOARCH)
	d.project(f)
	d.running()
	d.limits()
	d.fileSystem()
	d.cache()
	d.toolchain()
	d.terminal()
	d.ports()
	d.environment()
	return doctorReport{
		OK:       !slices.ContainsFunc(d.list, func(f finding) bool { return f.Level == levelFail }),
		Findings: d.list,
	}
}

// project finds the root and reads the config. Without a good one the rest is looked at
// as if there were none.
func (d *doctor) project(f *projectFlags) {
	f.follow(d.ctx, "")
	p, err := f.open(d.ctx, "")
	if err == nil {
		d.conf, d.root = p.conf, p.conf.Root
		list := d.conf.ForServices()
		if i := slices.IndexFunc(list, config.Service.GoBuilds); i >= 0 {
			d.tools = proc.MergeEnv(d.env, list[i].Build.Env)
		}
		d.ok("project", "%s", d.root)
		if p.conf.Path == "" {
			d.ok("config", "none: the defaults apply")
		} else {
			d.ok("config", "%s", p.conf.Path)
		}
		d.program(p)
		return
	}
	d.add(levelFail, "config", cmp.Or(advice.Hint(err), "`hotreload check` shows where"), "%s", strings.SplitN(err.Error(), "\n", 2)[0])
	d.conf = config.Default()
	d.root, _ = os.Getwd()
	if f.dir != "" {
		d.root, _ = filepath.Abs(f.dir)
	}
	if root, _, err := config.FindRoot(d.root); err == nil {
		d.root = root
	}
	d.conf.Root = d.root
}

// program finds what would be run.
func (d *doctor) program(p *project) {
	if _, err := proc.LookPath(d.tools, d.root, "go"); err != nil {
		return // toolchain reports it
	}
	list, err := p.services(d.ctx, d.env)
	if err != nil {
		level := levelFail
		if coded := (*codeError)(nil); errors.As(err, &coded) {
			level = levelWarn // several, to be named on the command line
		}
		d.add(level, "program", advice.Hint(err), "%v", err)
		return
	}
	for _, s := range list {
		if s.GoBuilds() {
			d.mains = append(d.mains, s.Build.Package)
		}
		switch {
		case !s.Builds():
			d.ok("program", "%s: %s", s.Name, strings.Join(s.Run.Command, " "))
		case s.Build.Command.IsZero():
			d.ok("program", "%s, from package %s", s.Name, s.Build.Package)
		default:
			d.ok("program", "%s, built by: %s", s.Name, s.Build.Command)
		}
	}
}

// running asks whether a session runs here.
func (d *doctor) running() {
	cache, err := control.CacheDir(d.root)
	if err != nil {
		return // cache reports it
	}
	ctx, cancel := context.WithTimeout(d.ctx, 3*time.Second)
	defer cancel()
	var st control.Status
	switch err := control.Dial(control.SocketPath(cache)).Do(ctx, http.MethodGet, "/status", "", &st); {
	case err == nil:
		d.session = &st
		var states []string
		for _, s := range st.Services {
			states = append(states, s.Service+" "+s.State)
		}
		d.ok("session", "runs here, pid %d: %s", st.PID, strings.Join(states, ", "))
		for _, s := range st.Services {
			switch {
			case s.Direct == nil:
			case s.Direct.Off != "":
				d.add(levelWarn, "engine", `set build.engine = "go", and please report this`, "%s: %s", s.Service, engineLine(*s.Direct))
			default:
				d.ok("engine", "%s: %s", s.Service, engineLine(*s.Direct))
			}
		}
	case errors.Is(err, control.ErrNoSession):
		lock, err := control.Acquire(cache, d.root)
		var held *control.HeldError
		if errors.As(err, &held) {
			d.add(levelWarn, "session", "`hotreload status` and `wait` cannot find it; if it hangs: kill the process", "%s, but it does not answer", held)
			return
		}
		if err == nil {
			lock.Release()
		}
		d.ok("session", "none is running here")
	default:
		d.add(levelWarn, "session", "if it hangs, kill it", "a session is running here, but does not answer: %v", err)
	}
}

func (d *doctor) limits() {
	for _, l := range watchinfo.Limits() {
		used := ""
		if l.Used >= 0 {
			used = fmt.Sprintf(", %d used by this user", l.Used)
		}
		switch {
		case l.Used >= 0 && l.Used >= l.Value:
			d.add(levelWarn, l.Name, l.Hint, "%d%s: reached, so files will be polled", l.Value, used)
		case l.Used >= 0 && l.Used > l.Value*4/5, strings.Contains(l.Name, "watches") && l.Value < 8192:
			d.add(levelWarn, l.Name, l.Hint, "%d%s: almost reached", l.Value, used)
		default:
			d.ok(l.Name, "%d%s", l.Value, used)
		}
	}
	d.openFiles()
}

func (d *doctor) fileSystem() {
	typ, reports := watchinfo.FileSystem(d.root)
	backend := d.conf.Watch.Backend
	switch {
	case typ == "":
		d.ok("file system", "type unknown; assumed to report changes")
	case backend == config.BackendPoll:
		d.ok("file system", "%s; polled every %v, as the config says", typ, d.conf.Watch.PollInterval)
	case reports:
		d.ok("file system", "%s, which reports changes", typ)
	case backend == config.BackendNotify:
		d.add(levelFail, "file system", `watch.backend = "auto" polls it`, "%s does not report changes made elsewhere, and the config forbids polling", typ)
	default:
		d.add(levelWarn, "file system", "keep the project on a local disk, or shorten watch.poll_interval",
			"%s does not report changes made elsewhere: polled every %v", typ, d.conf.Watch.PollInterval)
	}
}

func (d *doctor) cache() {
	dir, err := control.CacheDir(d.root)
	if err != nil {
		d.add(levelFail, "cache", "set "+control.CacheVariable+" to a writable directory", "%v", err)
		return
	}
	if err := writable(dir); err != nil {
		d.add(levelFail, "cache", "set "+control.CacheVariable+" to a writable directory", "%v", err)
		return
	}
	if err := executable(dir); err != nil {
		d.add(levelFail, "cache", "programs are built there; set "+control.CacheVariable+" to a directory on another file system", "nothing can be executed in %s: %v", dir, err)
		return
	}
	free, known := freeSpace(dir)
	switch {
	case !known:
		d.ok("cache", "%s", dir)
	case free < 100<<20:
		d.add(levelFail, "cache", "make room, or set "+control.CacheVariable+" to a directory on another disk", "%s: only %s free", dir, size(free))
	case free < 1<<30:
		d.add(levelWarn, "cache", "builds of large programs need more; make room", "%s: only %s free", dir, size(free))
	default:
		d.ok("cache", "%s (%s free)", dir, size(free))
	}
}

// writable tries whether a file can be made in the directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "doctor-")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func size(n uint64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d GB", n>>30)
}

func (d *doctor) toolchain() {
	path, err := proc.LookPath(d.tools, d.root, "go")
	if err != nil {
		level := levelFail
		if !slices.ContainsFunc(d.conf.ForServices(), config.Service.GoBuilds) {
			level = levelWarn // other commands build here
		}
		d.add(level, "go", noGoHint, noGo)
		return
	}
	env, err := d.askGo(path)
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "build cache"):
		d.add(levelFail, "GOCACHE", "set GOCACHE to a writable directory", "%v", err)
		return
	default:
		hint := "`go version` has to work in this directory; see the error above"
		if strings.Contains(err.Error(), "GOTOOLCHAIN") || strings.Contains(err.Error(), "toolchain") {
			hint = "set GOTOOLCHAIN=auto to let go fetch what go.mod asks for, or install it"
		}
		d.add(levelFail, "go", hint, "%s: %v", path, err)
		return
	}
	if text := d.newerGo(path); text != "" {
		d.add(levelFail, "go", "install that Go, or set GOTOOLCHAIN=auto to let go fetch it", "%s, %s: %s", env["GOVERSION"], path, text)
	} else if env["GOTOOLCHAIN"] != "" {
		d.ok("go", "%s, %s (GOTOOLCHAIN=%s)", env["GOVERSION"], path, env["GOTOOLCHAIN"])
	} else {
		d.ok("go", "%s, %s", env["GOVERSION"], path)
	}
	d.goFlags(env["GOFLAGS"])
	switch err := writable(env["GOCACHE"]); {
	case env["GOCACHE"] == "off":
		d.add(levelFail, "GOCACHE", "unset GOCACHE", "it is off, and go build needs it")
	case errors.Is(err, fs.ErrNotExist): // go makes it
		if err := os.MkdirAll(env["GOCACHE"], 0o777); err != nil {
			d.add(levelFail, "GOCACHE", "set GOCACHE to a writable directory", "%v", err)
			break
		}
		d.ok("GOCACHE", "%s (empty)", env["GOCACHE"])
	case err != nil:
		d.add(levelFail, "GOCACHE", "set GOCACHE to a writable directory", "%v", err)
	default:
		d.ok("GOCACHE", "%s", env["GOCACHE"])
	}
	d.cacheProgram(env["GOCACHEPROG"])
	if env["GOOS"] != env["GOHOSTOS"] || env["GOARCH"] != env["GOHOSTARCH"] {
		d.add(levelWarn, "target", "unset GOOS and GOARCH, unless run.command runs the program elsewhere",
			"programs are built for %s/%s, and this is %s/%s", env["GOOS"], env["GOARCH"], env["GOHOSTOS"], env["GOHOSTARCH"])
	}
	d.compiler(env)
	d.launch(path)
}

func (d *doctor) askGo(path string) (gocmd.Env, error) {
	out, err := d.askTool(path, gocmd.EnvArgs("GOVERSION", "GOFLAGS", "GOTOOLCHAIN", "GOCACHE", "GOCACHEPROG", "CGO_ENABLED", "CC", "GOOS", "GOARCH", "GOHOSTOS", "GOHOSTARCH")...)
	if err != nil {
		return nil, err
	}
	return gocmd.ParseEnv(out)
}

// askTool runs the go command without the network; what it complains of is the error.
func (d *doctor) askTool(path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(d.ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = d.root
	cmd.Env = append(slices.Clip(d.tools), "GOPROXY=off") // a missing toolchain is not fetched now
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return nil, errors.New(strings.TrimPrefix(strings.TrimSpace(string(exit.Stderr)), "go: "))
	}
	return out, err
}

// newerGo is what the go command says if a module needs a newer Go than it is: those that are
// built here, and what they import. "" if none does.
func (d *doctor) newerGo(path string) string {
	if len(d.mains) == 0 {
		return ""
	}
	_, err := d.askTool(path, append([]string{"list", "-deps", "-f={{with .Error}}{{end}}", "--"}, d.mains...)...)
	if err == nil {
		return ""
	}
	for line := range strings.Lines(err.Error()) {
		if strings.Contains(line, "requires go") {
			return strings.TrimPrefix(strings.TrimSpace(line), "go: ")
		}
	}
	return "" // a build reports it
}

func (d *doctor) goFlags(flags string) {
	args, err := gocmd.ParseGOFLAGS(flags)
	on := func(name string) bool {
		return slices.ContainsFunc(args, func(a gocmd.Arg) bool {
			set, err := strconv.ParseBool(a.Value)
			return a.Name == name && (!a.HasValue || err == nil && set)
		})
	}
	switch {
	case err != nil:
		d.add(levelFail, "GOFLAGS", "fix the value; quotes go around a whole flag: GOFLAGS=\"'-ldflags=-s -w'\"", "%s: %v", flags, err)
	case len(args) == 0:
		d.ok("GOFLAGS", "not set")
	case on("a"):
		d.add(levelWarn, "GOFLAGS", "remove -a from GOFLAGS", "%s: -a recompiles everything on each save", flags)
	case on("n"):
		d.add(levelFail, "GOFLAGS", "remove -n from GOFLAGS", "%s: -n builds nothing", flags)
	default:
		d.ok("GOFLAGS", "%s", flags)
	}
}

// cacheProgram checks the program that go asks for the results of earlier builds. Its arguments are
// not printed: they may hold an access key.
func (d *doctor) cacheProgram(value string) {
	words, err := gocmd.Split(value)
	const hint = "install it, correct GOCACHEPROG, or unset it"
	switch {
	case err != nil:
		d.add(levelFail, "GOCACHEPROG", "close the quote", "%v", err)
	case len(words) == 0:
	default:
		path, err := proc.LookPath(d.tools, d.root, words[0])
		if err != nil {
			d.add(levelFail, "GOCACHEPROG", hint, "%s is not on PATH or not executable, so no build works", words[0])
			return
		}
		d.ok("GOCACHEPROG", "%s", path)
	}
}

func (d *doctor) compiler(env gocmd.Env) {
	if env["CGO_ENABLED"] != "1" {
		d.ok("cgo", "off (CGO_ENABLED=%s)", env["CGO_ENABLED"])
		return
	}
	cc := strings.Fields(env["CC"])
	if len(cc) == 0 {
		return
	}
	if _, err := proc.LookPath(d.tools, d.root, cc[0]); err != nil {
		d.ok("cgo", "the C compiler %s is not on PATH; only packages that use cgo need it", cc[0])
		return
	}
	linker := linkerAdvice
	for _, l := range fastLinkers {
		if path, err := proc.LookPath(d.tools, d.root, l); err == nil {
			linker = "linker " + path
			break
		}
	}
	d.ok("cgo", "C compiler %s, %s", cc[0], linker)
}

func (d *doctor) terminal() {
	in, out, errs := terminal(d.s.in) != nil, terminal(d.s.out) != nil, terminal(d.s.err) != nil
	switch {
	case !in && !out && !errs:
		d.ok("terminal", "none: plain lines, no keys")
	case plainTerminal():
		d.ok("terminal", "TERM=%s, CI=%s: plain lines, no keys", os.Getenv("TERM"), os.Getenv("CI"))
	default:
		color := colored("auto", d.s.err)
		keys := "keys are read (see run.stdin)"
		if !in {
			keys = "no keys: standard input is not a terminal"
		}
		d.ok("terminal", "TERM=%s, colour %s, %s", os.Getenv("TERM"), map[bool]string{true: "on", false: "off"}[color], keys)
	}
}

// ports looks at every address that the config names.
func (d *doctor) ports() {
	look := func(key, addr string, level, hint string) {
		if addr == "" {
			return
		}
		own, found := proc.PortOwner(addr)
		switch {
		case !found:
			d.ok(key, "%s is free", addr)
		case d.ours(own.PID):
			d.ok(key, "%s belongs to this project's session: %s", addr, own)
		default:
			d.add(level, key, hint, "%s is taken by %s", addr, own)
		}
	}
	const free = "end that program, or choose another port"
	look("control.listen", d.conf.Control.Listen, levelFail, free)
	for _, s := range d.conf.ForServices() {
		prefix := ""
		if s.Name != "" {
			prefix = "services." + s.Name + "."
		}
		listen, _ := s.Proxy.Address()
		look(prefix+"proxy.listen", listen, levelFail, free)
		for _, sock := range s.Run.Listen {
			if sock.Network != "unix" {
				look(prefix+"run.listen", sock.Address, levelFail, free)
			}
		}
		if s.Proxy.Listen != "" && s.Proxy.App != config.AutoApp {
			look(prefix+"proxy.app", s.Proxy.AppAddress(), levelWarn, "if it is not the program itself, started by hand: "+free)
		}
		if addr := s.Run.Ready.Address(); addr != "" {
			look(prefix+"run.ready", addr, levelWarn, "if it is not the program itself, started by hand: "+free)
		}
	}
}

// ours reports whether the process belongs to the session that runs here.
func (d *doctor) ours(pid int) bool {
	if d.session == nil || pid == 0 {
		return false
	}
	return pid == d.session.PID || slices.ContainsFunc(d.session.Services, func(s control.ServiceStatus) bool {
		return s.PID != 0 && (s.PID == pid || proc.GroupOf(pid) == s.PID)
	})
}

// telling are variables that change what hotreload or the toolchain does.
var telling = []string{
	"CI", "NO_COLOR", "GODEBUG", "GOEXPERIMENT", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GOWORK", "GO111MODULE",
	"XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "GOTMPDIR", "LISTEN_FDS", "NOTIFY_SOCKET",
}

func (d *doctor) environment() {
	if _, inside := os.LookupEnv("HOTRELOAD"); inside {
		d.add(levelWarn, "environment", "run it in a separate shell", "this was started by another hotreload session (HOTRELOAD is set)")
	}
	if os.Getenv("GO111MODULE") == "off" {
		d.add(levelFail, "environment", "unset GO111MODULE", "GO111MODULE=off: modules do not work")
	}
	var set []string
	for _, k := range telling {
		if v, ok := os.LookupEnv(k); ok {
			set = append(set, k+"="+v)
		}
	}
	if strings.Contains(os.Getenv("MAKEFLAGS"), "--jobserver") {
		set = append(set, "MAKEFLAGS (a job server, not passed to programs)")
	}
	if len(set) == 0 {
		d.ok("environment", "no relevant variables are set")
		return
	}
	d.ok("environment", "%s", strings.Join(set, ", "))
}
