package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Key describes one key of the config file.
type Key struct {
	Name    string   // dotted: "watch.debounce", "rules.paths", "services.NAME.needs"
	Type    string   // for people: "duration", "list of globs", ...
	Default string   // as TOML; "" for a key that must be given
	Doc     string   // one or more sentences
	Values  []string // all it may be, if that is a short list
	Example string   // a value as TOML
}

// Table describes one table of the config file.
type Table struct {
	Name string // "watch", "rules" (an array of tables), "services.NAME"
	Doc  string
}

// spec is a Key and how its value is checked.
type spec struct {
	Key
	// check judges one string of the value: the value itself, each of a list, each
	// argument of a command. It returns what is wrong ("" if nothing is) and what to do.
	check func(value string) (wrong, hint string)
	// tidy gives the form in which a valid value is kept.
	tidy func(value string) string
}

// Types of values, for people. The Go type of the field says how they are decoded.
const (
	typeString    = "string"
	typeBool      = "true or false"
	typeDuration  = "duration"
	typeOneOf     = "one of"
	typeStrings   = "list of strings"
	typeGlobs     = "list of globs"
	typePaths     = "list of paths"
	typeArgv      = "list of arguments"
	typeCommand   = "command: a list of arguments, or one string for the shell"
	typeCommands  = "list of commands"
	typeVariables = "table of strings"
	typeAddress   = "address"
	typeSockets   = "list of sockets"
	typeSignal    = "signal"
	typeReady     = "readiness"
)

var tables = []Table{
	{"watch", "What is watched, and when changes are acted upon."},
	{"build", "How the program is built. Without command it is `go build` of package."},
	{"run", "How the program is run, stopped and restarted."},
	{"proxy", "A proxy in front of the program: it holds requests while a new version is built and started, reloads pages, and shows errors in the browser."},
	{"hooks", "Commands that run after an event, in the root and beside everything else: a notification, a linter, a browser test. They delay nothing and find the event as JSON on their standard input (docs/editors-and-scripts.md)."},
	{"rules", "What follows from a change of files that the program is not built from. The first rule that matches decides."},
	{"services.NAME", "Several programs in one session. Each inherits build, run, proxy, hooks and rules from above and overrides what it needs: env is merged by name, lists are replaced."},
	{"log", "What hotreload itself says."},
	{"control", "The control API (status, wait, restart, ...) always serves a Unix socket in the runtime directory."},
}

// serviceTables are those that each service inherits and overrides key by key.
var serviceTables = []string{"build", "run", "proxy", "hooks"}

// specs in the order of the documentation. Defaults come from Default.
var specs = []spec{
	{Key: Key{Name: "watch.debounce", Type: typeDuration, Example: `"50ms"`,
		Doc: `Quiet time that closes a burst of changes. A build starts at the first change and starts again if more follow, so a short time costs nothing. "0s" closes at once.`}},
	{Key: Key{Name: "watch.max_wait", Type: typeDuration, Example: `"2s"`,
		Doc: `A burst that never becomes quiet is closed at this age. Not shorter than debounce.`}},
	{Key: Key{Name: "watch.include", Type: typePaths, Example: `["../shared/templates"]`,
		Doc: `More directories or files to watch, relative to the root. Local replace targets and go.work modules are watched without it.`}, check: checkPath},
	{Key: Key{Name: "watch.exclude", Type: typeGlobs, Example: `["dist", "web/**/*.map"]`,
		Doc: `Globs of files and directories that never count, on top of .gitignore and built-in noise (editors' temporary files, .git, node_modules). A glob without a slash matches at any depth. It wins over rules; files that the program is built from count nevertheless.`}, check: checkExclude, tidy: tidyExclude},
	{Key: Key{Name: "watch.gitignore", Type: typeBool, Example: `false`,
		Doc: `Whether files that Git ignores are ignored here too.`}},
	{Key: Key{Name: "watch.discover", Type: typeBool, Example: `false`,
		Doc: `Whether files that the program's own code opens by a literal name count without a rule: template.ParseGlob("views/*.html") and os.ReadFile("conf.json") restart, http.Dir("static") reloads. A rule that names the file wins.`}},
	{Key: Key{Name: "watch.backend", Type: typeOneOf, Values: []string{"auto", "notify", "poll"}, Example: `"poll"`,
		Doc: `How changes are noticed: by the system's notifications or by looking. auto polls on file systems that do not notify (network and container mounts), and on those that turn out not to: the files that matter are checked about every second anyway.`}},
	{Key: Key{Name: "watch.poll_interval", Type: typeDuration, Example: `"1s"`,
		Doc: `Time between two looks of the poll backend.`}},

	{Key: Key{Name: "build.package", Type: typeString, Example: `"./cmd/api"`,
		Doc: `The main package, as for go build. If it is not set and the root is none, the only main package below it is taken.`}, check: checkPackage},
	{Key: Key{Name: "build.command", Type: typeCommand, Example: `["make", "build"]`,
		Doc: `Instead of go build: a list of arguments (no shell), or one string for the shell. Set output too, so that an unchanged program is not restarted.`}, check: checkArgument},
	{Key: Key{Name: "build.output", Type: typeString, Example: `"bin/api"`,
		Doc: `Where command leaves the binary, relative to the root. Without it every successful build restarts.`}, check: checkText},
	{Key: Key{Name: "build.flags", Type: typeStrings, Example: `["-trimpath"]`,
		Doc: `More flags for go build.`}, check: checkFlag},
	{Key: Key{Name: "build.tags", Type: typeStrings, Example: `["dev", "sqlite"]`,
		Doc: `Build tags.`}, check: checkTag},
	{Key: Key{Name: "build.race", Type: typeBool, Example: `true`,
		Doc: `Build with the race detector.`}},
	{Key: Key{Name: "build.engine", Type: typeOneOf, Values: []string{"auto", "go", "direct"}, Example: `"go"`,
		Doc: `Who compiles and links: go is always go build; direct calls compiler and linker itself where the result is provably the same, and go build elsewhere (docs/direct.md); auto is direct for one service, and go for several, which one go build makes together.`}},
	{Key: Key{Name: "build.dwarf", Type: typeBool, Example: `true`,
		Doc: `Keep debug information, for a debugger. It makes every link slower; it is left uncompressed, which is faster to link.`}},
	{Key: Key{Name: "build.linker", Type: typeOneOf, Values: []string{"auto", "default", "mold", "lld"}, Example: `"mold"`,
		Doc: `The linker for programs that use cgo. auto takes mold or lld if installed.`}},
	{Key: Key{Name: "build.env", Type: typeVariables, Example: `{ CGO_ENABLED = "0" }`,
		Doc: `More environment for the build. A PATH in it is where the go command and other commands are looked for.`}},
	{Key: Key{Name: "build.before", Type: typeCommands, Example: `["go generate ./...", ["templ", "generate"]]`,
		Doc: `Commands run before each build, in this order: each one string for the shell, or a list of arguments. What they print when all is well is shown with -v.`}, check: checkArgument},
	{Key: Key{Name: "build.timeout", Type: typeDuration, Example: `"2m"`,
		Doc: `A build that takes longer is ended and has failed. "0s": never.`}},

	{Key: Key{Name: "run.command", Type: typeArgv, Example: `["dlv", "exec", "{binary}"]`,
		Doc: `Instead of the binary: a list of arguments, in which {binary} stands for it. A command that does not mention {binary} is no Go program, and nothing is built for it unless build.command is set.`}, check: checkArgument},
	{Key: Key{Name: "run.args", Type: typeArgv, Example: `["--port", "8080"]`,
		Doc: `Arguments of the program, or of command. Arguments after -- on the command line come instead.`}, check: checkArgument},
	{Key: Key{Name: "run.dir", Type: typeString, Example: `"cmd/api"`,
		Doc: `Working directory of the program, relative to the root.`}, check: checkPath},
	{Key: Key{Name: "run.env", Type: typeVariables, Example: `{ APP_ENV = "dev" }`,
		Doc: `More environment for the program. It wins over env_files and over hotreload's own environment. A PATH in it is where run.command is looked for.`}},
	{Key: Key{Name: "run.env_files", Type: typePaths, Example: `[".env", ".env.local"]`,
		Doc: `Files of NAME=value lines, read again at each start; one that does not exist is skipped, a later one wins. hotreload's own environment wins over them. A file with a mistake stops no program: the last good values stay in force until it is fixed.`}, check: checkPath},
	{Key: Key{Name: "run.stdin", Type: typeOneOf, Values: []string{"keys", "app", "interactive", "none"}, Example: `"app"`,
		Doc: `Who reads the terminal: hotreload's keys, the app line by line, a full-screen app (interactive), or nobody. With keys, a program that hotreload does not build has an input that stays open and says nothing, because helpers that watch files themselves often end when theirs does.`}},
	{Key: Key{Name: "run.stop_signal", Type: typeSignal, Example: `"SIGINT"`,
		Doc: `The signal that asks the program to end.`}, check: checkSignal},
	{Key: Key{Name: "run.stop_timeout", Type: typeDuration, Example: `"10s"`,
		Doc: `How long it may take to end before it is killed. "0s" kills at once.`}},
	{Key: Key{Name: "run.order", Type: typeOneOf, Values: []string{"stop-first", "start-first"}, Example: `"start-first"`,
		Doc: `What comes first at a restart. start-first lets the old program serve until the new one is ready; both run at once for that time, so it needs the proxy, or sockets in listen.`}},
	{Key: Key{Name: "run.listen", Type: typeSockets, Example: `["127.0.0.1:8080", "admin=:9090", "unix:/run/x.sock"]`,
		Doc: `Sockets that hotreload keeps open over restarts and hands to the program as LISTEN_FDS (systemd's protocol): host:port or unix:PATH, with an optional name= in front.`}, check: checkSocket},
	{Key: Key{Name: "run.ready", Type: typeReady, Example: `"http://127.0.0.1:8080/healthz"`,
		Doc: `When the program counts as ready: "tcp:ADDR" it accepts connections, "http://..." it answers, "notify" it says so (sd_notify), "log:REGEXP" it prints such a line, "300ms" it lives that long, "exit" it has ended with exit code 0 (a job, like a migration). Empty: a server when it listens, any other program when it has lived for 300 ms.`}, check: checkReady},
	{Key: Key{Name: "run.ready_timeout", Type: typeDuration, Example: `"30s"`,
		Doc: `A program that is not ready in this time is reported as failed, until it is ready after all. "0s": no limit. A job (ready = "exit") has no limit.`}},
	{Key: Key{Name: "run.restart", Type: typeOneOf, Values: []string{"never", "on-failure", "always"}, Example: `"on-failure"`,
		Doc: `Whether a program that ends by itself is started again without a change.`}},
	{Key: Key{Name: "run.on_build_error", Type: typeOneOf, Values: []string{"keep", "stop"}, Example: `"stop"`,
		Doc: `Whether the last good program keeps running while the code does not build.`}},
	{Key: Key{Name: "run.rollback", Type: typeBool, Example: `true`,
		Doc: `With stop-first: if the new program dies before it is ready, run the last good one again, and say so loudly.`}},

	{Key: Key{Name: "proxy.listen", Type: typeAddress, Example: `"127.0.0.1:8090"`,
		Doc: `What the browser opens. Empty: no proxy.`}, check: checkOptional(checkAddress)},
	{Key: Key{Name: "proxy.app", Type: typeAddress, Example: `"127.0.0.1:8080"`,
		Doc: `The program's own address. auto: a free port per start, given to the program as $PORT.`}, check: checkApp},
	{Key: Key{Name: "proxy.hold", Type: typeDuration, Example: `"10s"`,
		Doc: `How long a request may wait for a build and a start.`}},
	{Key: Key{Name: "proxy.inject", Type: typeBool, Example: `false`,
		Doc: `Live reload and the error overlay in HTML pages.`}},
	{Key: Key{Name: "proxy.when_broken", Type: typeOneOf, Values: []string{"explain", "serve"}, Example: `"serve"`,
		Doc: `While the code does not build: explain shows the error (an overlay on HTML, 503 with the text to others); serve lets the old program answer, marked by a header.`}},
	{Key: Key{Name: "proxy.editor", Type: typeString, Example: `"idea://open?file={file}&line={line}"`,
		Doc: `The link behind file:line in the overlay; {file}, {line} and {column} are filled in. Empty: no links.`}, check: checkOptional(checkEditor)},

	{Key: Key{Name: "hooks.failed", Type: typeCommands, Example: `["notify-send 'build failed'"]`,
		Doc: `After a build, a start or a command of a rule that has failed, and when the program has ended with an error.`}, check: checkArgument},
	{Key: Key{Name: "hooks.fixed", Type: typeCommands, Example: `["notify-send fixed"]`,
		Doc: `When the service is as it should be again after a failure.`}, check: checkArgument},
	{Key: Key{Name: "hooks.live", Type: typeCommands, Example: `[["go", "test", "./..."]]`,
		Doc: `Each time that the service is live.`}, check: checkArgument},

	{Key: Key{Name: "rules.paths", Type: typeGlobs, Example: `["templates/**/*.html"]`,
		Doc: `Globs relative to the root: "*.html" matches there alone, "**/*.html" in any directory. They match files, not directories. A rule wins over .gitignore, and follows links to directories; directories that Git ignores are entered only where the glob begins with a name ("build/**/*.json"). A glob that matches nothing is reported at the start.`}, check: checkGlob, tidy: tidyGlob},
	{Key: Key{Name: "rules.effect", Type: typeOneOf, Values: []string{"rebuild", "restart", "reload", "signal", "none"}, Example: `"reload"`,
		Doc: `What follows: a build (and a restart if the program has changed), a restart without a build, a reload of the browser only, a signal, or nothing.`}},
	{Key: Key{Name: "rules.command", Type: typeCommand, Example: `["templ", "generate"]`,
		Doc: `Runs first: a list of arguments, or one string for the shell. Nothing follows if it fails. It finds the changed files in $HOTRELOAD_CHANGED, one per line.`}, check: checkArgument},
	{Key: Key{Name: "rules.signal", Type: typeSignal, Example: `"SIGUSR1"`,
		Doc: `The signal of effect = "signal".`}, check: checkSignal},

	{Key: Key{Name: "services.NAME.needs", Type: typeStrings, Example: `["db"]`,
		Doc: `Services that must be ready before this one is started, and that end after it.`}, check: checkText},

	{Key: Key{Name: "log.format", Type: typeOneOf, Values: []string{"text", "json"}, Example: `"json"`,
		Doc: `text for people, or one JSON line per event.`}},
	{Key: Key{Name: "log.time", Type: typeBool, Example: `false`,
		Doc: `The time of day in front of each line.`}},
	{Key: Key{Name: "log.clear", Type: typeBool, Example: `true`,
		Doc: `Clear the terminal at each rebuild.`}},

	{Key: Key{Name: "control.listen", Type: typeAddress, Example: `"127.0.0.1:7777"`,
		Doc: `Also serve it on this loopback TCP address. Empty: no.`}, check: checkOptional(checkLoopback)},
}

// Keys describes every key, in the order of the documentation.
func Keys() []Key {
	keys := make([]Key, len(specs))
	for i, s := range specs {
		keys[i] = s.Key
		keys[i].Default = defaultText(s.Name)
	}
	return keys
}

// Tables describes every table, in the order of the documentation.
func Tables() []Table { return slices.Clone(tables) }

// schema is what decoding looks keys up in.
type schema struct {
	specs  map[string]*spec
	fields map[string]field // top and service keys: "watch.debounce", "needs"
	rule   map[string]field // keys of a rule: "rules.paths"
	names  []string         // of all keys, dotted, as they stand in a file
}

// field is where the value of a key lives in Config or Service; both have the same names.
type field struct {
	key  string
	typ  reflect.Type
	path []string // names of Go fields
}

func (f field) in(v reflect.Value) reflect.Value {
	for _, name := range f.path {
		v = v.FieldByName(name)
	}
	return v
}

var theSchema = sync.OnceValue(func() *schema {
	s := &schema{specs: map[string]*spec{}, fields: map[string]field{}, rule: map[string]field{}}
	for i := range specs {
		name := strings.TrimPrefix(specs[i].Name, "services.NAME.")
		s.specs[name] = &specs[i]
		s.names = append(s.names, name)
	}
	for _, t := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Service]()} {
		for name, f := range structFields(t, "", nil) {
			s.fields[name] = f
		}
	}
	s.rule = structFields(reflect.TypeFor[Rule](), "rules.", nil)
	return s
})

// structFields walks the toml tags of a struct. Rules are a key here; what is in a rule
// has a map of its own.
func structFields(t reflect.Type, prefix string, path []string) map[string]field {
	out := map[string]field{}
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("toml")
		if tag == "" || tag == "-" {
			continue
		}
		below := append(slices.Clone(path), sf.Name)
		if sf.Type.Kind() == reflect.Struct && sf.Type != reflect.TypeFor[Command]() {
			for name, f := range structFields(sf.Type, prefix+tag+".", below) {
				out[name] = f
			}
			continue
		}
		out[prefix+tag] = field{key: prefix + tag, typ: sf.Type, path: below}
	}
	return out
}

// tableKeys are the last parts of the keys of one table.
func (s *schema) tableKeys(table string) []string {
	var out []string
	for _, name := range s.names {
		if t, last, ok := strings.Cut(name, "."); ok && t == table {
			out = append(out, last)
		}
	}
	return out
}
