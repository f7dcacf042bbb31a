package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameConfig compares what a config says, not where it says so.
var sameConfig = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}, Service{}),
	cmpopts.IgnoreFields(Config{}, "Path", "Root"),
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text), "/p/.hotreload.toml")
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return c
}

func parseErrors(t *testing.T, text string) Errors {
	t.Helper()
	c, err := Parse([]byte(text), "/p/.hotreload.toml")
	if err == nil {
		t.Fatalf("no error for\n%s", text)
	}
	if c != nil {
		t.Errorf("a config came with an error")
	}
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatalf("%T is not Errors", err)
	}
	return errs
}

// C1: each kind of mistake, with its exact place, the line, what was expected and what to
// do. want is "line:column: message"; hint is a part of the hint.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want, hint string }{
		// Syntax.
		{"no value", "[watch]\ndebounce =\n", "2:11: not valid TOML", "quotes"},
		{"unquoted", "[run]\nstop_timeout = 5s\n", "2:17: not valid TOML: strings must be quoted", `stop_timeout = "5s"`},
		{"yes", "[build]\nrace = yes\n", "2:8: not valid TOML", "race = true"},
		{"backslash", "[run]\ndir = \"C:\\Users\"\n", "2:10: not valid TOML", "single quotes"},
		{"open string", "[run]\ndir = \"x\n", "2:9: not valid TOML", ""},
		{"open table", "[run\ndir = \"x\"\n", "1:5: not valid TOML", ""},
		{"duplicate key", "[run]\ndir = \"a\"\ndir = \"b\"\n", "3:1: not valid TOML", "once"},
		{"duplicate table", "[run]\ndir = \"a\"\n[run]\nrollback = true\n", "3:2: not valid TOML", "once"},
		{"duplicate service", "[services.a]\nneeds = []\n[services.a]\nneeds = []\n", "3:2: not valid TOML: table a already exists", "once"},

		// Unknown keys and tables.
		{"typo", "[watch]\ndebouce = \"20ms\"\n", `2:1: unknown key "watch.debouce"`, `did you mean "debounce"?`},
		{"typo after spaces", "[run]\n  stop_timout = \"1s\"\n", `2:3: unknown key "run.stop_timout"`, `"stop_timeout"`},
		{"dotted", "run.stop_timout = \"1s\"\n", `1:5: unknown key "run.stop_timout"`, `"stop_timeout"`},
		{"inline table", "log = { fromat = \"text\" }\n", `1:9: unknown key "log.fromat"`, `"format"`},
		{"table", "[prxy]\nlisten = \":8090\"\n", `1:2: unknown table "prxy"`, `"proxy"`},
		{"below a table", "[run.envv]\nA = \"1\"\n", `1:6: unknown table "run.envv"`, `"env"`},
		{"wrong table", "[build]\nrestart = \"always\"\n", `2:1: unknown key "build.restart"`, `did you mean "run.restart"?`},
		{"no table", "debounce = \"20ms\"\n", `1:1: unknown key "debounce"`, `did you mean "watch.debounce"?`},
		{"two tables", "listen = \"x\"\n", `1:1: unknown key "listen"`, `"run.listen" or "proxy.listen"`},
		{"nothing near", "[log]\nqqqqqqqq = 1\n", `2:1: unknown key "log.qqqqqqqq"`, "valid here: format, time, clear"},
		{"in a service", "[services.api]\nrun.dri = \".\"\n", `2:5: unknown key "services.api.run.dri"`, `"dir"`},
		{"session key in a service", "[services.api]\nwatch.debounce = \"1s\"\n", `2:1: unknown table "services.api.watch"`, "whole session"},
		{"key directly in a service", "[services.api]\npackage = \"./x\"\n", `2:1: unknown key "services.api.package"`, `"services.api.build.package"`},
		{"in a rule", "[[rules]]\npath = [\"x\"]\n", `2:1: unknown key "rules.path"`, `"paths"`},
		{"in a rule of a service", "[[services.api.rules]]\npath = [\"x\"]\n", `2:1: unknown key "services.api.rules.path"`, `"paths"`},
		{"needs outside", "needs = [\"db\"]\n", `1:1: unknown key "needs"`, "[services.NAME]"},
		{"air", "[build]\ncmd = \"go build\"\n", `2:1: unknown key "build.cmd"`, "init --from .air.toml"},
		{"air bin", "[build]\nbin = \"tmp/main\"\n", `2:1: unknown key "build.bin"`, `"build.output"`},
		{"air root", "root = \".\"\n", `1:1: unknown key "root"`, "--dir"},
		{"air tmp_dir", "tmp_dir = \"tmp\"\n", `1:1: unknown key "tmp_dir"`, "init --from"},
		{"air table", "[misc]\nclean_on_exit = true\n", `1:2: unknown table "misc"`, "init --from"},

		// Types.
		{"string for bool", "[build]\nrace = \"true\"\n", "2:8: build.race: expected true or false, found a string", "race = true"},
		{"tabs", "[build]\nrace\t=\t[1]\n", "2:8: build.race: expected true or false, found a list", ""},
		{"number for bool", "[build]\nrace = 1\n", "2:8: build.race: expected true or false, found a number", "race = true"},
		{"bool for string", "[build]\npackage = true\n", "2:11: build.package: expected a string, found true or false", `"true"`},
		{"string for list", "[build]\ntags = \"dev\"\n", "2:8: build.tags: expected a list of strings, found a string", `tags = ["dev"]`},
		{"string for argv", "[run]\nargs = \"--port 80\"\n", "2:8: run.args: expected a list of arguments, found a string", `args = ["--port", "80"]`},
		{"number in list", "[run]\nargs = [\"--port\", 80]\n", "2:19: run.args: expected a string, found a number", `"80"`},
		{"list in list", "[run]\nargs = [ [\"x\"] ]\n", "2:8: run.args: expected a string, found a list", ""},
		{"table for string", "[run.dir]\nx = 1\n", "1:6: run.dir: expected a string, found a table", `dir = "cmd/api"`},
		{"string for table", "run = \"x\"\n", "1:7: run: expected a table, found a string", "[run]"},
		{"table for rules", "[rules]\npaths = [\"x\"]\n", "1:2: rules: expected a list of tables, found a table", "[[rules]]"},
		{"string in rules", "rules = [\"x\"]\n", "1:10: rules: expected a table, found a string", "[[rules]]"},
		{"list for services", "[[services]]\nname = \"api\"\n", "1:3: services: expected tables with names, found a list", "[services.api]"},
		{"service without name", "[services.build]\npackage = \"./x\"\n", `2:1: unknown key "services.build.package"`, ""},
		{"service key", "services.run = 1\n", "1:16: services.run: expected a table, found a number", "the name of the service is missing"},
		{"number for command", "[build]\ncommand = 3\n", "2:11: build.command: expected a command, found a number", "shell"},
		{"string for commands", "[build]\nbefore = \"go generate\"\n", "2:10: build.before: expected a list of commands, found a string", `before = ["go generate"]`},
		{"number in env", "[run]\nenv = { PORT = 8080 }\n", "2:16: run.env.PORT: expected a string, found a number", `"8080"`},
		{"list for env", "[run]\nenv = [\"A=1\"]\n", "2:7: run.env: expected a table of strings, found a list", "NAME"},
		{"date", "[run]\ndir = 2020-01-01\n", "2:7: run.dir: expected a string, found a date", ""},

		// Durations.
		{"duration as number", "[watch]\ndebounce = 20\n", "2:12: watch.debounce: a duration needs a unit", `debounce = "20ms"`},
		{"duration as number of seconds", "[run]\nstop_timeout = 5\n", "2:16: run.stop_timeout: a duration needs a unit", `stop_timeout = "5s"`},
		{"duration as float", "[run]\nstop_timeout = 1.5\n", "2:16: run.stop_timeout: a duration needs a unit", `"1.5s"`},
		{"duration without unit", "[watch]\ndebounce = \"20\"\n", "2:12: watch.debounce: a duration needs a unit", `"20ms"`},
		{"zero without unit", "[watch]\ndebounce = \"0\"\n", "2:12: watch.debounce: a duration needs a unit", `"0ms"`},
		{"bad unit", "[watch]\ndebounce = \"20 sec\"\n", `2:12: watch.debounce: "20 sec" is not a duration`, `debounce = "50ms"`},
		{"negative duration", "[run]\nstop_timeout = \"-5s\"\n", `2:16: run.stop_timeout: "-5s" is negative`, ""},
		{"empty duration", "[run]\nstop_timeout = \"\"\n", `2:16: run.stop_timeout: "" is not a duration`, ""},
		{"bool for duration", "[run]\nstop_timeout = false\n", "2:16: run.stop_timeout: expected a duration, found true or false", `stop_timeout = "10s"`},
		{"no interval", "[watch]\npoll_interval = \"0s\"\n", "2:17: watch.poll_interval: must be longer than 0", ""},

		// One of.
		{"enum", "[run]\norder = \"startfirst\"\n", `2:9: run.order: "startfirst" is not one of "stop-first", "start-first"`, `did you mean "start-first"?`},
		{"enum far", "[log]\nformat = \"xml\"\n", `2:10: log.format: "xml" is not one of "text", "json"`, ""},
		{"enum in a rule", "[[rules]]\npaths = [\"x\"]\neffect = \"relaod\"\n", `3:10: rules.effect: "relaod" is not one of`, `"reload"`},

		// Globs.
		{"glob", "[watch]\nexclude = [\"a\", \"b[\"]\n", `2:17: watch.exclude: "b[" is not a valid glob`, "]"},
		{"glob in a rule", "[[rules]]\npaths = [\"{a,b\"]\n", `2:10: rules.paths: "{a,b" is not a valid glob`, "partner"},
		{"empty glob", "[watch]\nexclude = [\"\"]\n", `2:12: watch.exclude: an empty glob`, ""},
		{"negated glob", "[watch]\nexclude = [\"!keep\"]\n", `2:12: watch.exclude: "!keep": a glob cannot be negated`, ""},
		{"glob with backslashes", "[[rules]]\npaths = [\"static\\\\css\\\\*.css\"]\n", `2:10: rules.paths: "static\\css\\*.css": a \ does not separate`, "use /"},
		{"exclude with backslashes", "[watch]\nexclude = ['web\\dist']\n", `2:12: watch.exclude: "web\\dist": a \ does not`, "use /"},
		{"absolute glob of Windows", "[watch]\nexclude = ['C:\\web\\**']\n", `2:12: watch.exclude: "C:\\web\\**" is absolute`, ""},
		{"absolute glob", "[watch]\nexclude = [\"/x/**\"]\n", `2:12: watch.exclude: "/x/**" is absolute`, ""},
		{"directory as rule", "[[rules]]\npaths = [\"templates/\"]\n", `2:10: rules.paths: "templates/" matches no file`, `"templates/**"`},

		// Addresses.
		{"port only", "[proxy]\nlisten = \"8090\"\n", `2:10: proxy.listen: "8090" is not an address`, `"127.0.0.1:8090"`},
		{"url", "[proxy]\nlisten = \"http://localhost:8090/\"\n", `2:10: proxy.listen: "http://localhost:8090/" is not an address`, `"localhost:8090"`},
		{"port too high", "[proxy]\nlisten = \"127.0.0.1:80900\"\n", `2:10: proxy.listen: "127.0.0.1:80900" has no port between 0 and 65535`, ""},
		{"named port", "[proxy]\nlisten = \"127.0.0.1:http\"\n", `2:10: proxy.listen: "127.0.0.1:http" has no port`, ""},
		{"ipv6", "[proxy]\nlisten = \"::1:80\"\n", `2:10: proxy.listen: "::1:80" is not an address`, "brackets"},
		{"app", "[proxy]\napp = \"atuo\"\n", `2:7: proxy.app: "atuo" is not an address`, `"auto"`},
		{"app port zero", "[proxy]\napp = \"127.0.0.1:0\"\n", `2:7: proxy.app: "127.0.0.1:0" has no port between 1 and 65535`, ""},
		{"control for all", "[control]\nlisten = \"0.0.0.0:7777\"\n", `2:10: control.listen: "0.0.0.0:7777" can be reached from other machines`, `"127.0.0.1:7777"`},
		{"control without host", "[control]\nlisten = \":7777\"\n", `2:10: control.listen: ":7777" can be reached`, `"127.0.0.1:7777"`},
		{"socket", "[run]\nlisten = [\"127.0.0.1:8080\", \"8081\"]\n", `2:29: run.listen: "8081" is not an address`, `"127.0.0.1:8081"`},
		{"socket name", "[run]\nlisten = [\"a b=:8080\"]\n", `2:11: run.listen: "a b=:8080" has a bad name`, ""},
		{"socket path", "[run]\nlisten = [\"unix:\"]\n", `2:11: run.listen: "unix:" does not name a socket file`, ""},

		// Signals, readiness, and the rest.
		{"signal", "[run]\nstop_signal = \"SIGTREM\"\n", `2:15: run.stop_signal: "SIGTREM" is not a signal`, `"SIGTERM"`},
		{"signal without SIG", "[run]\nstop_signal = \"int\"\n", `2:15: run.stop_signal: "int" is not a signal`, `"SIGINT"`},
		{"signal as number", "[run]\nstop_signal = 15\n", `2:15: run.stop_signal: expected a string, found a number`, ""},
		{"ready", "[run]\nready = \"localhost:8080\"\n", `2:9: run.ready: "localhost:8080" is not a readiness condition`, `"tcp:localhost:8080"`},
		{"ready tcp", "[run]\nready = \"tcp:8080\"\n", `2:9: run.ready: "8080" is not an address`, ""},
		{"ready http", "[run]\nready = \"http://\"\n", `2:9: run.ready: "http://" is not a URL`, ""},
		{"ready https", "[run]\nready = \"https://localhost\"\n", `2:9: run.ready: "https://localhost" is not a readiness condition`, "tcp:"},
		{"ready regexp", "[run]\nready = \"log:listening on (\"\n", "2:9: run.ready: bad regular expression: missing closing )", ""},
		{"ready without unit", "[run]\nready = \"300\"\n", "2:9: run.ready: a duration needs a unit", `"300ms"`},
		{"ready negative", "[run]\nready = \"-3s\"\n", `2:9: run.ready: "-3s" is negative`, ""},
		{"ready typo", "[run]\nready = \"notfy\"\n", `2:9: run.ready: "notfy" is not a readiness condition`, `"notify"`},
		{"editor", "[proxy]\neditor = \"x://{path}\"\n", `2:10: proxy.editor: {path} is not a placeholder`, ""},
		{"editor without file", "[proxy]\neditor = \"x://y\"\n", `2:10: proxy.editor: "x://y" names no file`, "{file}"},
		{"TLS without a certificate", "[proxy]\nlisten = \"https://127.0.0.1:8443\"\n", `2:10: proxy.listen: an https address needs proxy.cert and proxy.key`, "mkcert"},
		{"http", "[proxy]\nlisten = \"http://127.0.0.1:8443\"\n", `2:10: proxy.listen: "http://127.0.0.1:8443" is not an address`, `"127.0.0.1:8443"`},
		{"app by URL with a path", "[proxy]\napp = \"https://127.0.0.1:8443/x\"\n", `2:7: proxy.app: `, ""},
		{"hosts with a port", "[proxy]\nhosts = [\"shop.test:80\"]\n", `2:10: proxy.hosts: "shop.test:80" has a port`, `"shop.test"`},
		{"hosts by pattern", "[proxy]\nhosts = [\"*.test\"]\n", `2:10: proxy.hosts: "*.test" is a pattern`, `".example.com"`},
		{"hosts by URL", "[proxy]\nhosts = [\"http://shop.test/x\"]\n", `2:10: proxy.hosts: "http://shop.test/x" is a URL`, `"shop.test"`},
		{"an empty host", "[proxy]\nhosts = [\".\"]\n", `2:10: proxy.hosts: "." is not a host name`, ""},
		{"tags in one string", "[build]\ntags = [\"a,b\"]\n", `2:9: build.tags: "a,b" is more than one build tag`, `tags = ["a", "b"]`},
		{"package pattern", "[build]\npackage = \"./...\"\n", `2:11: build.package: "./..." matches several packages`, "services"},
		{"empty package", "[build]\npackage = \"\"\n", `2:11: build.package: an empty package`, ""},
		{"flag -o", "[build]\nflags = [\"-trimpath\", \"-o=x\"]\n", `2:23: build.flags: -o is set by hotreload`, "build.output"},
		{"variable", "[run.env]\n\"A=B\" = \"1\"\n", `2:1: run.env: "A=B" cannot be the name`, ""},
		{"empty service", "[services.\"\"]\n", `1:11: the name of a service is empty`, ""},
		{"service name", "[services.\"a b\"]\n", `1:11: "a b" cannot be the name of a service`, ""},
		{"empty command", "[build]\nbefore = [[]]\n", `2:10: build.before: an empty command`, ""},
		{"blank command", "[build]\ncommand = \" \"\n", `2:11: build.command: the command is blank`, ""},

		// Rules.
		{"rule without paths", "[log]\ntime = true\n\n[[rules]]\neffect = \"restart\"\n", "4:3: rules: a rule needs paths", "paths ="},
		{"rule with no paths", "[[rules]]\npaths = []\n", "2:9: rules: a rule needs paths", ""},
		{"rule twice", "[[rules]]\npaths = [\"a\"]\n[[rules]]\npaths = [\"b\", \"a\"]\n", `4:15: rules.paths: "a" is already in a rule (line 2)`, "first rule"},
		{"signal without effect", "[[rules]]\npaths = [\"a\"]\nsignal = \"SIGHUP\"\n", `3:10: rules.signal: is not used with effect = "restart"`, `effect = "signal"`},

		// What no single key shows.
		{"max_wait", "[watch]\ndebounce = \"2s\"\n", "2:12: watch.max_wait: 1s is shorter than watch.debounce, 2s", ""},
		{"unknown need", "[services.api]\nneeds = [\"bd\"]\n[services.db]\n", `2:9: services.api.needs: there is no service "bd"`, `"db"`},
		{"needs itself", "[services.api]\nneeds = [\"api\"]\n", `2:9: services.api.needs: a service cannot need itself`, ""},
		{"needs twice", "[services.api]\nneeds = [\"db\", \"db\"]\n[services.db]\n", `2:9: services.api.needs: "db" is listed twice`, ""},
		{"cycle", "[services.a]\nneeds = [\"b\"]\n[services.b]\nneeds = [\"c\"]\n[services.c]\nneeds = [\"a\"]\n", "2:9: services.a.needs: services wait for each other: a -> b -> c -> a", ""},
		{"inherited address", "[proxy]\nlisten = \":8090\"\n[services.a]\n[services.b]\n", "2:10: services.b.proxy.listen: :8090 is taken by services.a.proxy.listen", "inherit"},
		{"same address", "[services.a]\nrun.listen = [\"127.0.0.1:80\"]\n[services.b]\nproxy.listen = \":80\"\n", "4:16: services.b.proxy.listen: :80 is taken by services.a.run.listen", ""},
		{"same address, all first", "[services.a]\nproxy.listen = \":80\"\n[services.b]\nrun.listen = [\"127.0.0.1:80\"]\n", "4:14: services.b.run.listen: 127.0.0.1:80 is taken by services.a.proxy.listen", ""},
		{"same socket", "[services.a]\nrun.listen = [\"unix:x\"]\n[services.b]\nrun.listen = [\"y=unix:x\"]\n", "4:14: services.b.run.listen: x is taken by services.a.run.listen", ""},
		{"socket twice", "[run]\nlisten = [\":80\", \"x=:80\"]\n", "2:10: run.listen: :80 is listed twice", ""},
		{"socket and all interfaces", "[run]\nlisten = [\"127.0.0.1:80\", \"x=:80\"]\n", "2:10: run.listen: :80 overlaps another address there", "all interfaces"},
		{"all interfaces and socket", "[run]\nlisten = [\":80\", \"x=127.0.0.1:80\"]\n", "2:10: run.listen: 127.0.0.1:80 overlaps another address there", "all interfaces"},
		{"proxy and app", "[proxy]\nlisten = \"127.0.0.1:80\"\napp = \"localhost:80\"\n", "3:7: proxy.app: localhost:80 is taken by proxy.listen", ""},
		{"control and proxy", "[control]\nlisten = \"127.0.0.1:80\"\n[proxy]\nlisten = \"127.0.0.1:80\"\n", "4:10: proxy.listen: 127.0.0.1:80 is taken by control.listen", ""},
		{"ready after timeout", "[run]\nready = \"20s\"\n", "2:9: run.ready: the program is ready after 20s, but counts as failed after 10s", ""},
		{"rollback", "[run]\norder = \"start-first\"\nrollback = true\n[proxy]\nlisten = \":80\"\n", "3:12: run.rollback: works only with order = \"stop-first\"", ""},
		{"one terminal for two", "[run]\norder = \"start-first\"\nstdin = \"interactive\"\n[proxy]\nlisten = \":80\"\n", "2:9: run.order: start-first runs two programs at once, and the terminal belongs to one", "stop-first"},
		{"one port for two", "[run]\norder = \"start-first\"\n[proxy]\nlisten = \":80\"\napp = \"localhost:81\"\n", "2:9: run.order: start-first runs two programs at once", "auto"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			errs := parseErrors(t, tt.text)
			if len(errs) != 1 {
				t.Fatalf("%d errors:\n%s", len(errs), errs.Detail())
			}
			e := errs[0]
			if want := "/p/.hotreload.toml:" + tt.want; !strings.HasPrefix(e.Error(), want) {
				t.Errorf("got  %s\nwant %s", e, want)
			}
			if !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("hint %q does not contain %q", e.Hint, tt.hint)
			}
			if want := strings.Split(tt.text, "\n")[e.Line-1]; e.Source != want {
				t.Errorf("source %q, want %q", e.Source, want)
			}
		})
	}
}

// C1: every mistake is reported at once, in the order of the file, also what is
// before a syntax error.
func TestAllMistakesAtOnce(t *testing.T) {
	errs := parseErrors(t, "[watch]\ndebounce = 20\nexclude = [\"a[\", \"\"]\n[run]\nordr = \"x\"\nstop_signal = \"X\"\n[build\n")
	var got []string
	for _, e := range errs {
		got = append(got, strings.TrimPrefix(strings.SplitN(e.Error(), ": ", 3)[0], "/p/.hotreload.toml"))
	}
	want := []string{":2:12", ":3:12", ":3:18", ":5:1", ":6:15", ":7:7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s\n%s", diff, errs.Detail())
	}
	if errs.Hint() == "" {
		t.Error("no hint")
	}
}

// C1: what may follow a syntax error is not called missing.
func TestNothingIsMissingBeforeASyntaxError(t *testing.T) {
	errs := parseErrors(t, "[[rules]]\neffect = \"restart\"\npaths = [\n")
	if len(errs) != 1 || errs[0].Line != 3 && errs[0].Line != 4 {
		t.Errorf("%s", errs)
	}
}

// C1: the caret is under the place, also after tabs, wide text and what had to be escaped.
func TestDetail(t *testing.T) {
	errs := parseErrors(t, "run.env.\"ключ\" = 5\n\n[watch]\n\tdebounce = 20\n[build.env]\n\"\u202e\u0085\" = 5\n")
	want := "/p/.hotreload.toml:1:22: run.env.\"ключ\": expected a string, found a number\n" +
		"  1 | run.env.\"ключ\" = 5\n" +
		"    |                  ^\n" +
		"  hint: in quotes: \"5\"\n" +
		"/p/.hotreload.toml:4:13: watch.debounce: a duration needs a unit\n" +
		"  4 |     debounce = 20\n" +
		"    |                ^\n" +
		"  hint: debounce = \"20ms\"\n" +
		"/p/.hotreload.toml:6:11: build.env.\"\\u202E\\u0085\": expected a string, found a number\n" +
		"  6 | \"\\u202e\\u0085\" = 5\n" +
		"    |                  ^\n" +
		"  hint: in quotes: \"5\""
	if diff := cmp.Diff(want, errs.Detail()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// C1: Windows line ends and a missing last newline move nothing.
func TestLineEnds(t *testing.T) {
	errs := parseErrors(t, "[watch]\r\nmax_wait = \"2s\"\r\ndebounce = 20")
	if got := errs[0]; got.Line != 3 || got.Column != 12 || got.Source != "debounce = 20" {
		t.Errorf("got %+v", got)
	}
}

// Text from a file cannot act on the terminal.
func TestDetailIsPrintable(t *testing.T) {
	errs := parseErrors(t, "x = \"\x1b[2J\" # \u202e\n")
	if d := errs.Detail(); strings.ContainsAny(d, "\x1b\u202e") {
		t.Errorf("%q", d)
	}
}

// Some Windows editors begin a file with a byte order mark.
func TestByteOrderMark(t *testing.T) {
	if c := mustParse(t, "\xfe\xff\x00[\x00l\x00o\x00g\x00]\x00\n\x00t\x00i\x00m\x00e\x00=\x00f\x00a\x00l\x00s\x00e"); c.Log.Time {
		t.Error("UTF-16")
	}
	if c := mustParse(t, "\uFEFF[log]\ntime = false\n"); c.Log.Time {
		t.Error("not read")
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("[log]\ntime = false\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Path != path || c.Root != dir || c.Log.Time {
		t.Errorf("got path %q root %q time %v", c.Path, c.Root, c.Log.Time)
	}
	if _, err := Load(dir); err == nil {
		t.Error("a directory was loaded")
	}
}

// An empty file says what no file says.
func TestEmptyIsDefault(t *testing.T) {
	if diff := cmp.Diff(Default(), mustParse(t, ""), sameConfig); diff != "" {
		t.Errorf("(-default +empty):\n%s", diff)
	}
}

// C2: an explicit zero, false or empty list overrides a default.
func TestExplicitZero(t *testing.T) {
	c := mustParse(t, `
[watch]
debounce = "0s"
gitignore = false
[run]
env_files = []
stop_timeout = "0s"
ready_timeout = "0s"
[proxy]
hold = "0s"
inject = false
editor = ""
[log]
time = false
`)
	want := Default()
	want.Watch.Debounce, want.Watch.Gitignore = 0, false
	want.Run.EnvFiles, want.Run.StopTimeout, want.Run.ReadyTimeout = nil, 0, 0
	want.Proxy.Hold, want.Proxy.Inject, want.Proxy.Editor = 0, false, ""
	want.Log.Time = false
	if diff := cmp.Diff(want, c, sameConfig); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !c.IsSet("proxy.inject") || c.IsSet("proxy.app") {
		t.Error("IsSet does not tell what the file sets")
	}
}

func TestValues(t *testing.T) {
	c := mustParse(t, `
build.package = "./cmd/api"
build.before = ["go generate ./...", ["templ", "generate"]]
run.env = { A = "1", "B.C" = "x" }
[build.env]
CGO_ENABLED = "0"
[[rules]]
paths = ["./templates/**/*.html"]
command = "make css"
[[rules]]
paths = ["a"]
effect = "signal"
[watch]
exclude = ["./dist/", "*.map", "././/a"]
`)
	want := Default()
	want.Build.Package = "./cmd/api"
	want.Build.Before = []Command{{Shell: "go generate ./..."}, {Argv: []string{"templ", "generate"}}}
	want.Build.Env = map[string]string{"CGO_ENABLED": "0"}
	want.Run.Env = map[string]string{"A": "1", "B.C": "x"}
	want.Rules = []Rule{
		{Paths: []string{"templates/**/*.html"}, Effect: "restart", Command: Command{Shell: "make css"}, Signal: "SIGHUP"},
		{Paths: []string{"a"}, Effect: "signal", Signal: "SIGHUP"},
	}
	want.Watch.Exclude = []string{"dist", "*.map", "a"}
	if diff := cmp.Diff(want, c, sameConfig); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseSocket(t *testing.T) {
	for in, want := range map[string]Socket{
		"127.0.0.1:8080":      {"", "tcp", "127.0.0.1:8080"},
		"name=:9090":          {"name", "tcp", ":9090"},
		"unix:/run/x.sock":    {"", "unix", "/run/x.sock"},
		"web=unix:/run/a=b.s": {"web", "unix", "/run/a=b.s"},
		"unix:/run/a=b.s":     {"", "unix", "/run/a=b.s"},
		"[::1]:80":            {"", "tcp", "[::1]:80"},
		"x=[::1]:80":          {"x", "tcp", "[::1]:80"},
		":0":                  {"", "tcp", ":0"},
	} {
		if got, err := parseSocket(in); err != nil || got != want || got.String() != in {
			t.Errorf("%s: %+v, %v; written as %s", in, got, err, got)
		}
	}
	for _, in := range []string{"", "8080", "=:80", "x=", "a b=:80", "unix:", "tcp::80", "x=y=:80"} {
		if got, err := parseSocket(in); err == nil {
			t.Errorf("%q was taken as %+v", in, got)
		}
	}
}

func TestParseReady(t *testing.T) {
	for _, in := range []string{"", "tcp:localhost:80", "http://localhost:80/x?y", "notify", "log:^listening", "0.3s", "exit"} {
		r, err := parseReady(in)
		if err != nil || r.String() != in {
			t.Errorf("%s: %v, written as %s", in, err, r)
		}
		set := 0
		for _, is := range []bool{r.TCP != "", r.HTTP != "", r.Notify, r.Log != nil, r.After > 0, r.Exit} {
			if is {
				set++
			}
		}
		if want := min(len(in), 1); set != want {
			t.Errorf("%q sets %d fields: %+v", in, set, r)
		}
	}
	for _, in := range []string{"tcp:", "tcp::0", "http:///x", "log:", "log:(", "0s", "5", "Notify", "exit:0"} {
		if r, err := parseReady(in); err == nil {
			t.Errorf("%q was taken as %+v", in, r)
		}
	}
}

func TestSignal(t *testing.T) {
	for _, name := range []Signal{"SIGTERM", "SIGINT", "SIGKILL"} {
		if s, err := name.Number(); err != nil || s == 0 {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if _, err := Signal("SIGNONE").Number(); err == nil {
		t.Error("SIGNONE is a signal")
	}
	for name := range signals {
		if wrong, _ := checkSignal(string(name)); wrong != "" {
			t.Error(wrong)
		}
	}
}

// N5 (15): a backslash that was meant as a separator is a mistake on each system, and an escape is none.
func TestBackslashes(t *testing.T) {
	const unix, windows = `*?\[]{}!,-^`, `[]{}!,-^`
	for _, c := range []struct {
		glob          string
		unix, windows bool
	}{
		{`static/css/*.css`, true, true},
		{`static\css\a.css`, false, false},
		{`static\*.css`, true, false},
		{`static\\x`, true, false},
		{`pages/\[id\].html`, true, true},
		{`a/{b\,c,d}`, true, true},
		{`a\`, false, false},
	} {
		if got := onlyEscapes(c.glob, unix); got != c.unix {
			t.Errorf("%s on Unix: %v", c.glob, got)
		}
		if got := onlyEscapes(c.glob, windows); got != c.windows {
			t.Errorf("%s on Windows: %v", c.glob, got)
		}
	}
	if escapable != unix && escapable != windows {
		t.Errorf("%s", escapable)
	}
}
