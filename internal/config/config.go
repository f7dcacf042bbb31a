// Package config reads .hotreload.toml strictly, resolves it, and explains every mistake
// with its place, the line, what was expected and the nearest valid key.
//
// One table (keys.go) describes every key: decoding, checks, the commented example, the
// resolved form, the JSON schema and "did you mean" are all made from it. A test compares it
// with the structs below, so neither can drift.
//
// Values become typed here, once: words of a short list, signals, sockets and the condition of
// run.ready have their own types (types.go), so that no other package parses a string of the
// config, or compares it with a literal.
//
// Explicit zero and false in a file override defaults, also where a service overrides
// what it inherits: what was set is remembered by key, never guessed from a zero value.
//
// Decoding into structs with go-toml alone was rejected: it stops at the first mistake, and does
// not know the position of a value that is wrong for another reason than its type.
package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/files"
)

// FileName is the name of the config file, in the root of a project.
const FileName = ".hotreload.toml"

// Config is a whole config file, checked, with its services resolved.
//
// Lists and tables that are empty are nil, whether they were left out or set to [].
type Config struct {
	Watch   Watch   `toml:"watch"`
	Build   Build   `toml:"build"`
	Run     Run     `toml:"run"`
	Proxy   Proxy   `toml:"proxy"`
	Hooks   Hooks   `toml:"hooks"`
	Rules   []Rule  `toml:"rules"`
	Log     Log     `toml:"log"`
	Control Control `toml:"control"`

	// Services in the order of the file; nil if the file has no [services.NAME].
	// Finish makes them from the tables above and what each service overrides.
	Services []Service `toml:"-"`

	Path string `toml:"-"` // of the file; "" if there is none
	Root string `toml:"-"` // directory of the file; "" if there is none

	set    map[string]place // dotted key -> where it was set
	layers []*layer         // one per service, in the order of the file
	lines  []string         // of the file, for messages
}

// Watch is what is watched, and how.
type Watch struct {
	Debounce     time.Duration `toml:"debounce"`
	MaxWait      time.Duration `toml:"max_wait"`
	Include      []string      `toml:"include"`
	Exclude      []string      `toml:"exclude"`
	Gitignore    bool          `toml:"gitignore"`
	Discover     bool          `toml:"discover"`
	Backend      Backend       `toml:"backend"`
	PollInterval time.Duration `toml:"poll_interval"`
}

// Build is how a program is built.
type Build struct {
	Package string            `toml:"package"` // "." if not set; see Service.IsSet
	Command Command           `toml:"command"`
	Output  string            `toml:"output"`
	Flags   []string          `toml:"flags"`
	Tags    []string          `toml:"tags"`
	Race    bool              `toml:"race"`
	Engine  Engine            `toml:"engine"`
	DWARF   bool              `toml:"dwarf"`
	Linker  Linker            `toml:"linker"`
	Env     map[string]string `toml:"env"`
	Before  []Command         `toml:"before"`
	Timeout time.Duration     `toml:"timeout"` // 0: none
}

// Run is how a program is run.
type Run struct {
	Command      []string          `toml:"command"` // argv; "{binary}" stands for the binary
	Args         []string          `toml:"args"`
	Dir          string            `toml:"dir"`
	Env          map[string]string `toml:"env"`
	EnvFiles     []string          `toml:"env_files"`
	Stdin        Stdin             `toml:"stdin"`
	StopSignal   Signal            `toml:"stop_signal"`
	StopTimeout  time.Duration     `toml:"stop_timeout"`
	Order        Order             `toml:"order"`
	Listen       []Socket          `toml:"listen"`
	Ready        Ready             `toml:"ready"`
	ReadyTimeout time.Duration     `toml:"ready_timeout"`
	Restart      Restart           `toml:"restart"`
	OnBuildError OnBuildError      `toml:"on_build_error"`
	Rollback     bool              `toml:"rollback"`
}

// Proxy is the front proxy of a program.
type Proxy struct {
	Listen     string        `toml:"listen"` // host:port; "" = no proxy
	App        string        `toml:"app"`    // host:port or AutoApp
	Hold       time.Duration `toml:"hold"`
	Inject     bool          `toml:"inject"`
	Console    bool          `toml:"console"` // of the pages, in the terminal
	WhenBroken WhenBroken    `toml:"when_broken"`
	Editor     string        `toml:"editor"`
	Hosts      []string      `toml:"hosts"`
	Inspect    bool          `toml:"inspect"`
	Cert       string        `toml:"cert"` // files, with an https address in Listen
	Key        string        `toml:"key"`
}

// Address is where the proxy listens, as host:port; secure says that it speaks TLS there.
func (p Proxy) Address() (address string, secure bool) {
	return strings.CutPrefix(p.Listen, "https://")
}

// AppAddress is where the program listens, as host:port or AutoApp.
func (p Proxy) AppAddress() string { return strings.TrimPrefix(p.App, "https://") }

// Hooks are commands that run after an event, in parallel with everything else.
type Hooks struct {
	Failed []Command `toml:"failed"`
	Fixed  []Command `toml:"fixed"`
	Live   []Command `toml:"live"`
}

// Rule is what a change of files causes that the program is not built from.
type Rule struct {
	Paths   []string `toml:"paths"` // doublestar globs relative to the root, with slashes
	Effect  Effect   `toml:"effect"`
	Command Command  `toml:"command"`
	Signal  Signal   `toml:"signal"`
}

// Log is how hotreload prints its own lines.
type Log struct {
	Format Format `toml:"format"`
	Time   bool   `toml:"time"`
	Clear  bool   `toml:"clear"`
}

// Control is the control API on TCP, in addition to its Unix socket.
type Control struct {
	Listen string `toml:"listen"` // loopback host:port; "" = none
}

// Command is a command as given in the file: a list is an argv and never meets a shell,
// a string is one line for the shell. At most one of both is set.
type Command struct {
	Argv  []string
	Shell string
}

// IsZero reports whether there is no command.
func (c Command) IsZero() bool { return len(c.Argv) == 0 && c.Shell == "" }

// String is the command for people.
func (c Command) String() string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Argv, " ")
}

// Service is one program with everything resolved: the tables at the top, overridden key
// by key. Tables (env) are merged by name, lists are replaced.
type Service struct {
	Name  string   `toml:"-"`
	Build Build    `toml:"build"`
	Run   Run      `toml:"run"`
	Proxy Proxy    `toml:"proxy"`
	Hooks Hooks    `toml:"hooks"`
	Rules []Rule   `toml:"rules"`
	Needs []string `toml:"needs"`

	found bool            // SetPackage was called
	set   map[string]bool // dotted keys set in the service or in the tables it inherits
}

// IsSet reports whether key ("build.package") was set for this service or in a table that
// it inherits, rather than being a default. The engine asks it for build.package: if it
// is not set, the only main package under the root is taken.
func (s Service) IsSet(key string) bool { return s.set[key] }

// SetPackage says which main package the service is built from, where the config leaves
// that open. The service then builds it, also if its run.command does not mention it.
func (s *Service) SetPackage(pkg string) { s.Build.Package, s.found = pkg, true }

// Builds reports whether there is something to build: a service whose run.command does
// not mention {binary}, and which has no build.command, is no Go program (npm run dev,
// postgres) and runs as it is.
func (s Service) Builds() bool {
	if s.found || !s.Build.Command.IsZero() || len(s.Run.Command) == 0 {
		return true
	}
	return slices.ContainsFunc(s.Run.Command, func(arg string) bool { return strings.Contains(arg, "{binary}") })
}

// GoBuilds reports whether the program is built by `go build` of a package.
func (s Service) GoBuilds() bool { return s.Builds() && s.Build.Command.IsZero() }

// layer is what one service overrides.
type layer struct {
	name   string
	at     place
	order  []string // keys in the order of the file
	values map[string]reflect.Value
	set    map[string]place // keys relative to the service
}

func newLayer(name string, at place) *layer {
	return &layer{name: name, at: at, values: map[string]reflect.Value{}, set: map[string]place{}}
}

func (l *layer) put(key string, v reflect.Value, at place) {
	if _, ok := l.values[key]; !ok {
		l.order = append(l.order, key)
	}
	l.values[key], l.set[key] = v, at
}

// Default is the config of a project without a file.
func Default() *Config {
	return &Config{
		Watch: Watch{
			Debounce:     20 * time.Millisecond,
			MaxWait:      time.Second,
			Gitignore:    true,
			Discover:     true,
			Backend:      BackendAuto,
			PollInterval: 500 * time.Millisecond,
		},
		Build: Build{Package: ".", Engine: EngineAuto, Linker: LinkerAuto},
		Run: Run{
			Dir:          ".",
			EnvFiles:     []string{".env"},
			Stdin:        StdinKeys,
			StopSignal:   "SIGTERM",
			StopTimeout:  5 * time.Second,
			Order:        StopFirst,
			ReadyTimeout: 10 * time.Second,
			Restart:      RestartNever,
			OnBuildError: KeepOnBuildError,
		},
		Proxy: Proxy{
			App:        AutoApp,
			Hold:       30 * time.Second,
			Inject:     true,
			Console:    true,
			WhenBroken: ExplainWhenBroken,
			Editor:     "vscode://file/{file}:{line}:{column}",
		},
		Log: Log{Format: FormatText, Time: true},
		set: map[string]place{},
	}
}

// defaultRule is a rule of which only the paths are given.
func defaultRule() Rule { return Rule{Effect: EffectRestart, Signal: "SIGHUP"} }

// Load reads and checks a file. Mistakes in it come as Errors.
func Load(path string) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	data, err := files.Read(abs, files.MaxConfig)
	if err != nil {
		msg := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			msg = "there is no such config file"
		}
		return nil, Errors{{Path: abs, Message: msg, Hint: "`hotreload init` writes one; without -c, hotreload needs none", cause: err}}
	}
	return Parse(data, abs)
}

// Parse reads and checks the text of a file; path is for messages and gives Root. Every
// mistake found comes in one Errors, in the order of the file.
func Parse(data []byte, path string) (*Config, error) {
	c := Default()
	c.Path = path
	if path != "" {
		c.Root = filepath.Dir(path)
	}
	if text, err := files.Text(data); err == nil { // else the first line is a mistake
		data = text
	}
	c.lines = splitLines(data)
	doc, whole, errs := parseTree(data, path, c.lines)
	d := &decoder{c: c, partial: !whole}
	d.errs = errs
	d.file(doc)
	if len(d.errs) > 0 {
		return nil, d.errs.sorted()
	}
	if err := c.Finish(); err != nil {
		return nil, err
	}
	return c, nil
}

// IsSet reports whether a dotted key of the tables at the top was set by the file or by
// Set, rather than being a default.
func (c *Config) IsSet(key string) bool {
	_, ok := c.set[key]
	return ok
}

// ForServices is what is to be run, at least one service: without [services] it is one
// service named "", which the caller names. Its build.engine is go or direct: auto is direct
// for one service. Several are left to go build, one of which makes all of them together.
func (c *Config) ForServices() []Service {
	list := slices.Clone(c.Services)
	if len(list) == 0 {
		list = []Service{c.base("")}
	}
	for i := range list {
		if b := &list[i].Build; b.Engine == EngineAuto {
			b.Engine = autoEngine
			if len(list) > 1 {
				b.Engine = EngineGo
			}
		}
	}
	return list
}

// EnvPaths are the env files, as absolute paths.
func (r Run) EnvPaths(root string) (paths []string) {
	for _, f := range r.EnvFiles {
		if !filepath.IsAbs(f) {
			f = filepath.Join(root, f)
		}
		paths = append(paths, filepath.Clean(f))
	}
	return paths
}
