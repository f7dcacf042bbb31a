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

// tableSpec describes one table of the config file.
type tableSpec struct {
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

var tables = []tableSpec{
	{"watch", "What hotreload watches, and when it reacts."},
	{"build", "How the program is built: with `go build`, unless `command` is set."},
	{"run", "How the program is run, stopped and restarted."},
	{"proxy", "A proxy in front of the program: requests wait while a new version is built and started, pages reload, and errors appear in the browser."},
	{"hooks", "Commands that run after an event: a notification, a linter, a browser test. They run in the root, delay nothing, and get the event as JSON on standard input (docs/editors-and-scripts.md)."},
	{"rules", `What happens when a file changes that is not part of the build, such as a template. The first rule that matches is used.`},
	{"services.NAME", "Several programs in one session. Each inherits `build`, `run`, `proxy`, `hooks` and `rules` from the top of the file and overrides single keys: `env` is merged by name, lists are replaced."},
	{"log", `How hotreload prints its own lines.`},
	{"control", "The API behind `status`, `wait`, `restart` and other commands. It always listens on a Unix socket in the runtime directory."},
}

// serviceTables are those that each service inherits and overrides key by key.
var serviceTables = []string{"build", "run", "proxy", "hooks"}

// specs in the order of the documentation. Defaults come from Default.
var specs = []spec{
	{Key: Key{Name: "watch.debounce", Type: typeDuration, Example: `"50ms"`,
		Doc: `The quiet time that ends a burst of changes. It does not delay the build, which starts at the first change and starts again if more follow. "0s" ends a burst at once.`}},
	{Key: Key{Name: "watch.max_wait", Type: typeDuration, Example: `"2s"`,
		Doc: "The longest time that a burst lasts, even if changes continue. Must not be shorter than `debounce`."}},
	{Key: Key{Name: "watch.include", Type: typePaths, Example: `["../shared/templates"]`,
		Doc: "More directories or files to watch, relative to the root. Local `replace` targets and `go.work` modules are always watched."}, check: checkPath},
	{Key: Key{Name: "watch.exclude", Type: typeGlobs, Example: `["dist", "web/**/*.map"]`,
		Doc: "Globs of files and directories to ignore, in addition to `.gitignore`, `.git`, `node_modules` and editors' temporary files. A glob without a slash matches at any depth. It takes precedence over rules. Files that the program is built from are never ignored."}, check: checkExclude, tidy: tidyExclude},
	{Key: Key{Name: "watch.gitignore", Type: typeBool, Example: `false`,
		Doc: `Ignore the files that Git ignores.`}},
	{Key: Key{Name: "watch.discover", Type: typeBool, Example: `false`,
		Doc: "Watch the files that the program's own code opens by a literal name; they need no rule. The files in `template.ParseGlob(\"views/*.html\")` and `os.ReadFile(\"conf.json\")` restart the program when they change, those below `http.Dir(\"static\")` reload the page. A rule for the file takes precedence."}},
	{Key: Key{Name: "watch.backend", Type: typeOneOf, Values: words(BackendAuto, BackendNotify, BackendPoll), Example: `"poll"`,
		Doc: "How changes are found. `notify` uses the system's file events. `poll` compares files at an interval. `auto` uses file events, and polls file systems that do not report them, such as network and container mounts. It also checks the files that matter about once a second; if an event was missing, it polls that file system from then on."}},
	{Key: Key{Name: "watch.poll_interval", Type: typeDuration, Example: `"1s"`,
		Doc: `The time between two scans when polling.`}},

	{Key: Key{Name: "build.package", Type: typeString, Example: `"./cmd/api"`,
		Doc: "The main package, as for `go build`. Default: the main package in the root, or the only one below it."}, check: checkPackage},
	{Key: Key{Name: "build.command", Type: typeCommand, Example: `["make", "build"]`,
		Doc: "A command to run instead of `go build`: a list of arguments (no shell), or one string for the shell. Set `output` too, so that hotreload can tell whether the program changed."}, check: checkArgument},
	{Key: Key{Name: "build.output", Type: typeString, Example: `"bin/api"`,
		Doc: "The binary that `command` writes, relative to the root. Without it, every successful build restarts the program."}, check: checkText},
	{Key: Key{Name: "build.flags", Type: typeStrings, Example: `["-trimpath"]`,
		Doc: "Additional flags for `go build`."}, check: checkFlag},
	{Key: Key{Name: "build.tags", Type: typeStrings, Example: `["dev", "sqlite"]`,
		Doc: `Build tags.`}, check: checkTag},
	{Key: Key{Name: "build.race", Type: typeBool, Example: `true`,
		Doc: `Build with the race detector.`}},
	{Key: Key{Name: "build.engine", Type: typeOneOf, Values: words(EngineAuto, EngineGo, EngineDirect), Example: `"go"`,
		Doc: "What compiles and links. `go` always uses `go build`. `direct` calls the compiler and the linker directly where the result is the same as that of `go build`, and uses `go build` otherwise (docs/direct.md). `auto` means `direct` for one service, and `go` for several, which a single `go build` makes together. On Windows, `auto` means `go`."}},
	{Key: Key{Name: "build.dwarf", Type: typeBool, Example: `true`,
		Doc: `Keep debug information, for a debugger. Linking takes longer. The debug information is left uncompressed, because that links faster.`}},
	{Key: Key{Name: "build.linker", Type: typeOneOf, Values: words(LinkerAuto, LinkerDefault, LinkerMold, LinkerLLD), Example: `"mold"`,
		Doc: "The linker for programs that use cgo. `auto` uses `mold` or `lld` if one is installed."}},
	{Key: Key{Name: "build.env", Type: typeVariables, Example: `{ CGO_ENABLED = "0" }`,
		Doc: "Environment variables for the build. A `PATH` set here is used to find the go command and other commands."}},
	{Key: Key{Name: "build.before", Type: typeCommands, Example: `["go generate ./...", ["templ", "generate"]]`,
		Doc: "Commands to run before each build, in this order. Each is one string for the shell, or a list of arguments. The output of successful commands is shown only with `-v`."}, check: checkArgument},
	{Key: Key{Name: "build.timeout", Type: typeDuration, Example: `"2m"`,
		Doc: `How long a build may take before it is stopped and fails. "0s" means no limit.`}},

	{Key: Key{Name: "run.command", Type: typeArgv, Example: `["dlv", "exec", "{binary}"]`,
		Doc: "A command to run instead of the binary: a list of arguments, in which {binary} stands for the binary. Without {binary}, nothing is built, unless `build.command` is set."}, check: checkArgument},
	{Key: Key{Name: "run.args", Type: typeArgv, Example: `["--port", "8080"]`,
		Doc: "Arguments for the program, or for `command`. Arguments after `--` on the command line replace them."}, check: checkArgument},
	{Key: Key{Name: "run.dir", Type: typeString, Example: `"cmd/api"`,
		Doc: `The working directory of the program, relative to the root.`}, check: checkPath},
	{Key: Key{Name: "run.env", Type: typeVariables, Example: `{ APP_ENV = "dev" }`,
		Doc: "Environment variables for the program. They take precedence over `env_files` and hotreload's own environment. A `PATH` set here is used to find `run.command`."}},
	{Key: Key{Name: "run.env_files", Type: typePaths, Example: `[".env", ".env.local"]`,
		Doc: "Files with `NAME=value` lines, read at each start. Missing files are skipped. Later files take precedence over earlier ones, and hotreload's own environment over all of them. If a file has a mistake, the last good values are used until it is fixed."}, check: checkPath},
	{Key: Key{Name: "run.stdin", Type: typeOneOf, Values: words(StdinKeys, StdinApp, StdinInteractive, StdinNone), Example: `"app"`,
		Doc: "What reads the terminal: hotreload, for its keys (`keys`); the program, line by line (`app`); a full-screen program (`interactive`); or nothing (`none`). See docs/terminal.md."}},
	{Key: Key{Name: "run.stop_signal", Type: typeSignal, Example: `"SIGINT"`,
		Doc: `The signal that asks the program to stop.`}, check: checkSignal},
	{Key: Key{Name: "run.stop_timeout", Type: typeDuration, Example: `"10s"`,
		Doc: `How long the program may take to stop before it is killed. "0s" kills it at once.`}},
	{Key: Key{Name: "run.order", Type: typeOneOf, Values: words(StopFirst, StartFirst), Example: `"start-first"`,
		Doc: "What comes first at a restart: stopping the old program, or starting the new one. With `start-first`, the old program serves until the new one is ready. Both run for a while, so this needs the proxy, or sockets in `listen`."}},
	{Key: Key{Name: "run.listen", Type: typeSockets, Example: `["127.0.0.1:8080", "admin=:9090", "unix:/run/x.sock"]`,
		Doc: "Sockets that hotreload keeps open during restarts and passes to the program as `LISTEN_FDS` (systemd's protocol): `host:port` or `unix:PATH`, with an optional `name=` in front."}, check: checkSocket},
	{Key: Key{Name: "run.ready", Type: typeReady, Example: `"http://127.0.0.1:8080/healthz"`,
		Doc: "When the program is ready: \"tcp:ADDR\" when it accepts connections there; \"http://...\" when it answers; \"notify\" when it reports so (`sd_notify`); \"log:REGEXP\" when it prints a matching line; \"300ms\" when it has run that long; \"exit\" when it has ended with exit code 0 (a job, such as a migration). If empty, a server is ready when it listens, and any other program when it has run for 300 ms."}, check: checkReady},
	{Key: Key{Name: "run.ready_timeout", Type: typeDuration, Example: `"30s"`,
		Doc: "How long the program may take to become ready. After that, it is reported as failed until it is ready. \"0s\" means no limit. A job (`ready = \"exit\"`) has no limit."}},
	{Key: Key{Name: "run.restart", Type: typeOneOf, Values: words(RestartNever, RestartOnFailure, RestartAlways), Example: `"on-failure"`,
		Doc: `When to restart a program that ends without being asked to.`}},
	{Key: Key{Name: "run.on_build_error", Type: typeOneOf, Values: words(KeepOnBuildError, StopOnBuildError), Example: `"stop"`,
		Doc: `Whether to keep the last good program running or stop it while the code does not build.`}},
	{Key: Key{Name: "run.rollback", Type: typeBool, Example: `true`,
		Doc: "With `stop-first`: if the new program does not become ready, run the last good one again. hotreload reports that it did."}},

	{Key: Key{Name: "proxy.listen", Type: typeAddress, Example: `"127.0.0.1:8090"`,
		Doc: "The address to open in the browser. Empty means no proxy. With `https://` in front, the proxy speaks TLS, with the certificate in `cert` and its key in `key`."}, check: checkOptional(checkListen)},
	{Key: Key{Name: "proxy.app", Type: typeAddress, Example: `"127.0.0.1:8080"`,
		Doc: "The program's own address. `auto` picks a free port for each start and passes it to the program as $PORT. With `https://` in front, the proxy reaches the program over TLS; the certificate is not verified on a loopback address."}, check: checkApp},
	{Key: Key{Name: "proxy.hold", Type: typeDuration, Example: `"10s"`,
		Doc: `The longest time that a request waits for a build and a start.`}},
	{Key: Key{Name: "proxy.inject", Type: typeBool, Example: `false`,
		Doc: `Add live reload and the error overlay to HTML pages.`}},
	{Key: Key{Name: "proxy.console", Type: typeBool, Example: `false`,
		Doc: "Print what goes wrong in the pages: `console.error`, uncaught errors, and unhandled promise rejections. Each is printed once, until a save reloads the page. Needs `inject`."}},
	{Key: Key{Name: "proxy.when_broken", Type: typeOneOf, Values: words(ExplainWhenBroken, ServeWhenBroken), Example: `"serve"`,
		Doc: "What clients get while the code does not build. `explain` shows the error: an overlay on HTML pages, status 503 with the text for other requests. `serve` lets the old program answer, and marks the answer with a header."}},
	{Key: Key{Name: "proxy.editor", Type: typeString, Example: `"idea://open?file={file}&line={line}"`,
		Doc: `How a place in the code is opened in your editor: by a link ("zed://file/{file}:{line}:{column}"), or by a command that hotreload runs on a click ("goland --line {line} {file}"). {file}, {line} and {column} are replaced. A command is split at spaces outside quotes; no shell is used. Empty means no links. docs/editors-and-scripts.md lists the values for many editors.`}, check: checkOptional(checkEditor)},
	{Key: Key{Name: "proxy.hosts", Type: typeStrings, Example: `["shop.test", ".ngrok.app"]`,
		Doc: "More host names under which the proxy works in full, with live reload and errors that show source code. A name that begins with a dot admits all names below it. `localhost`, names that end in `.localhost`, and loopback addresses always work. Under any other name, only the program's own pages are served."}, check: checkHost},
	{Key: Key{Name: "proxy.inspect", Type: typeBool, Example: `true`,
		Doc: `Keep the last 200 requests of the session in memory, with bodies of up to 64 KiB. The page of the session (docs/page.md) shows them and can send them again.`}},
	{Key: Key{Name: "proxy.cert", Type: typeString, Example: `"certs/localhost.pem"`,
		Doc: "The certificate file, in PEM, for an `https://` address in `listen`."}, check: checkText},
	{Key: Key{Name: "proxy.key", Type: typeString, Example: `"certs/localhost-key.pem"`,
		Doc: `The file with the certificate's key, in PEM.`}, check: checkText},

	{Key: Key{Name: "hooks.failed", Type: typeCommands, Example: `["notify-send 'build failed'"]`,
		Doc: `Runs when a build, a start or a command of a rule has failed, and when the program has ended with an error.`}, check: checkArgument},
	{Key: Key{Name: "hooks.fixed", Type: typeCommands, Example: `["notify-send fixed"]`,
		Doc: `Runs when the service works again after a failure.`}, check: checkArgument},
	{Key: Key{Name: "hooks.live", Type: typeCommands, Example: `[["go", "test", "./..."]]`,
		Doc: `Runs each time the service becomes live.`}, check: checkArgument},

	{Key: Key{Name: "rules.paths", Type: typeGlobs, Example: `["templates/**/*.html"]`,
		Doc: "Globs relative to the root: \"*.html\" matches in the root only, \"**/*.html\" in any directory. They match files, not directories. A rule takes precedence over `.gitignore`, and follows links to directories. Inside a directory that Git ignores, only a glob that starts with a name matches (\"build/**/*.json\"). A glob that matches nothing is reported at startup."}, check: checkGlob, tidy: tidyGlob},
	{Key: Key{Name: "rules.effect", Type: typeOneOf, Values: words(EffectRebuild, EffectRestart, EffectReload, EffectSignal, EffectNone), Example: `"reload"`,
		Doc: "What happens. `rebuild` builds, and restarts the program if the binary changed. `restart` restarts it without a build. `reload` only reloads the browser. `signal` sends a signal to the program. `none` does nothing more than run `command`."}},
	{Key: Key{Name: "rules.command", Type: typeCommand, Example: `["templ", "generate"]`,
		Doc: `A command to run first: a list of arguments, or one string for the shell. If it fails, nothing else happens. $HOTRELOAD_CHANGED contains the changed files, one per line.`}, check: checkArgument},
	{Key: Key{Name: "rules.signal", Type: typeSignal, Example: `"SIGUSR1"`,
		Doc: "The signal for `effect = \"signal\"`."}, check: checkSignal},

	{Key: Key{Name: "services.NAME.needs", Type: typeStrings, Example: `["db"]`,
		Doc: `Services that must be ready before this one starts. They are stopped after it.`}, check: checkText},

	{Key: Key{Name: "log.format", Type: typeOneOf, Values: words(FormatText, FormatJSON), Example: `"json"`,
		Doc: "`text` for people, or `json` for one JSON line per event."}},
	{Key: Key{Name: "log.time", Type: typeBool, Example: `false`,
		Doc: `Print the time of day in front of each line.`}},
	{Key: Key{Name: "log.clear", Type: typeBool, Example: `true`,
		Doc: `Clear the terminal on each rebuild.`}},

	{Key: Key{Name: "control.listen", Type: typeAddress, Example: `"127.0.0.1:7777"`,
		Doc: `Also serve the API on this loopback TCP address. Empty means the socket only.`}, check: checkOptional(checkLoopback)},
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

// schema is what decoding looks keys up in.
type schema struct {
	specs  map[string]*spec
	fields map[string]field // top and service keys: "watch.debounce", "needs"
	rule   map[string]field // keys of a rule: "rules.paths"
	names  []string         // of all keys, dotted, as in a file
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
// has its own map.
func structFields(t reflect.Type, prefix string, path []string) map[string]field {
	out := map[string]field{}
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("toml")
		if tag == "" || tag == "-" {
			continue
		}
		below := append(slices.Clone(path), sf.Name)
		if isTableType(sf.Type) {
			for name, f := range structFields(sf.Type, prefix+tag+".", below) {
				out[name] = f
			}
			continue
		}
		out[prefix+tag] = field{key: prefix + tag, typ: sf.Type, path: below}
	}
	return out
}

// isTableType reports whether a Go type is a table of keys, and not the value of one key.
func isTableType(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Command]() && t != reflect.TypeFor[Ready]()
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
