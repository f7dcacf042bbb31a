package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table of keys and the structs name the same keys, and the lists of types agree.
func TestKeysCoverStructs(t *testing.T) {
	fields := map[string]reflect.Type{}
	var walk func(t reflect.Type, prefix string)
	walk = func(rt reflect.Type, prefix string) {
		for i := range rt.NumField() {
			f := rt.Field(i)
			tag := f.Tag.Get("toml")
			if !f.IsExported() || tag == "-" {
				continue
			}
			if tag == "" {
				if rt != reflect.TypeFor[Command]() {
					t.Errorf("%s.%s has no toml tag", rt.Name(), f.Name)
				}
				continue
			}
			switch {
			case f.Type == reflect.TypeFor[[]Rule]():
				walk(reflect.TypeFor[Rule](), prefix+tag+".")
			case isTableType(f.Type):
				walk(f.Type, prefix+tag+".")
			default:
				fields[prefix+tag] = f.Type
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	f, _ := reflect.TypeFor[Service]().FieldByName("Needs")
	fields["services.NAME."+f.Tag.Get("toml")] = f.Type

	goTypes := map[string]reflect.Type{
		typeString: reflect.TypeFor[string](), typeAddress: reflect.TypeFor[string](),
		typeSignal: reflect.TypeFor[Signal](), typeReady: reflect.TypeFor[Ready](), typeBool: reflect.TypeFor[bool](),
		typeDuration: fields["watch.debounce"], typeStrings: reflect.TypeFor[[]string](), typeGlobs: reflect.TypeFor[[]string](),
		typePaths: reflect.TypeFor[[]string](), typeArgv: reflect.TypeFor[[]string](), typeSockets: reflect.TypeFor[[]Socket](),
		typeCommand: reflect.TypeFor[Command](), typeCommands: reflect.TypeFor[[]Command](), typeVariables: reflect.TypeFor[map[string]string](),
	}
	var names, want []string
	for _, k := range Keys() {
		names = append(names, k.Name)
		fits := goTypes[k.Type] == fields[k.Name]
		if k.Type == typeOneOf { // each has its own type
			fits = fields[k.Name].Kind() == reflect.String && fields[k.Name] != reflect.TypeFor[string]()
		}
		if !fits {
			t.Errorf("%s: type %q does not fit %v", k.Name, k.Type, fields[k.Name])
		}
		if (k.Type == typeOneOf) != (len(k.Values) > 0) {
			t.Errorf("%s: type %q with values %q", k.Name, k.Type, k.Values)
		}
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || k.Example == "" {
			t.Errorf("%s: doc %q, example %q", k.Name, k.Doc, k.Example)
		}
		if !slices.ContainsFunc(tables, func(tb tableSpec) bool { return strings.HasPrefix(k.Name, tb.Name+".") }) {
			t.Errorf("%s: its table is not described", k.Name)
		}
	}
	for name := range fields {
		want = append(want, name)
	}
	slices.Sort(names)
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-fields +keys):\n%s", diff)
	}
}

// The contract: every key with its default, as the design lists them.
func TestContract(t *testing.T) {
	want := map[string]string{
		"watch.debounce": `"20ms"`, "watch.max_wait": `"1s"`, "watch.include": `[]`, "watch.exclude": `[]`, "watch.gitignore": `true`, "watch.discover": `true`,
		"watch.backend": `"auto"`, "watch.poll_interval": `"500ms"`,
		"build.package": `"."`, "build.command": `[]`, "build.output": `""`, "build.flags": `[]`, "build.tags": `[]`, "build.race": `false`,
		"build.engine": `"auto"`, "build.dwarf": `false`, "build.linker": `"auto"`, "build.env": `{}`, "build.before": `[]`, "build.timeout": `"0s"`,
		"run.command": `[]`, "run.args": `[]`, "run.dir": `"."`, "run.env": `{}`, "run.env_files": `[".env"]`, "run.stdin": `"keys"`,
		"run.stop_signal": `"SIGTERM"`, "run.stop_timeout": `"5s"`, "run.order": `"stop-first"`, "run.listen": `[]`, "run.ready": `""`,
		"run.ready_timeout": `"10s"`, "run.restart": `"never"`, "run.on_build_error": `"keep"`, "run.rollback": `false`,
		"proxy.listen": `""`, "proxy.app": `"auto"`, "proxy.hold": `"30s"`, "proxy.inject": `true`, "proxy.console": `true`, "proxy.when_broken": `"explain"`,
		"proxy.editor":  `"vscode://file/{file}:{line}:{column}"`,
		"proxy.hosts":   "[]",
		"proxy.inspect": `false`,
		"proxy.cert":    `""`,
		"proxy.key":     `""`,
		"hooks.failed":  `[]`, "hooks.fixed": `[]`, "hooks.live": `[]`,
		"rules.paths": ``, "rules.effect": `"restart"`, "rules.command": `[]`, "rules.signal": `"SIGHUP"`,
		"services.NAME.needs": `[]`,
		"log.format":          `"text"`, "log.time": `true`, "log.clear": `false`, "control.listen": `""`,
	}
	got := map[string]string{}
	for _, k := range Keys() {
		got[k.Name] = k.Default
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-design +keys):\n%s", diff)
	}
}

// Every default and every example is a valid value of its key; every value of a short
// list is taken.
func TestDefaultsAndExamplesAreValid(t *testing.T) {
	for _, k := range Keys() {
		values := append([]string{k.Example}, k.Default)
		for _, v := range k.Values {
			values = append(values, quote(v))
		}
		for _, v := range values {
			if v == "" {
				continue
			}
			table, key, _ := strings.Cut(k.Name, ".")
			text := "[" + table + "]\n" + key + " = " + v + "\n"
			switch table {
			case "rules":
				text = "[[rules]]\n" + key + " = " + v + "\n"
				if key != "paths" {
					text += "paths = [\"x\"]\n"
				}
				if key == "signal" {
					text += "effect = \"signal\"\n"
				}
			case "services":
				text = "[services.api]\nneeds = " + v + "\n[services.db]\n"
			}
			if _, err := Parse([]byte(text), "f"); err != nil {
				t.Errorf("%s = %s: %v", k.Name, v, err)
			}
		}
	}
}

const everything = `
[watch]
debounce = "0s"
max_wait = "1m30s"
include = ["../shared"]
exclude = ["dist"]
gitignore = false
[build]
package = "./cmd/\t\"x\" \u202e"
flags = ["-ldflags", "-X main.v=a b"]
env = { "A.B" = "1", C = "" }
before = ["a && b", ["c", "d e"]]
[run]
command = ["dlv", "exec", "{binary}"]
env = { A = "1", B = "2" }
env_files = []
[[rules]]
paths = ["a/**", "{b,c}"]
effect = "signal"
[[rules]]
paths = ["d"]
command = "x | y"
[log]
time = false
[services.web]
needs = ["api"]
rules = []
[services.api]
run.env = { B = "3", C = "4" }
run.command = []
[services.api.build]
command = ["make"]
race = true
[services.api.proxy]
hold = "2h0m0s"
`

// C8: what check prints loads back to the same config, and prints the same again.
func TestTOMLRoundTrip(t *testing.T) {
	for _, text := range []string{"", everything, "[services.a]\n[services.b]\n"} {
		c := mustParse(t, text)
		out := c.TOML()
		back := mustParse(t, string(out))
		if diff := cmp.Diff(c, back, sameConfig); diff != "" {
			t.Errorf("(-config +loaded back):\n%s\n%s", diff, out)
		}
		if again := back.TOML(); !bytes.Equal(out, again) {
			t.Errorf("printed differently: %s", cmp.Diff(string(out), string(again)))
		}
		if back.IsSet("build.package") != c.IsSet("build.package") {
			t.Error("build.package became set, or unset, on the way")
		}
		short := c.Differences()
		if again := mustParse(t, string(short)).TOML(); !bytes.Equal(out, again) {
			t.Errorf("the differences are another config: %s\n%s", cmp.Diff(string(out), string(again)), short)
		}
	}
}

// C8: the differences are what was set to something else, and nothing besides.
func TestDifferences(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"[run]\nstop_timeout = \"5s\"\nargs = []\n":                               "",
		"[build]\npackage = \".\"\n":                                              "[build]\npackage = \".\"\n",
		"[run]\nstop_timeout = \"0s\"\n[log]\ntime = false\n":                     "[run]\nstop_timeout = \"0s\"\n\n[log]\ntime = false\n",
		"[run]\nargs = [\"x\"]\n[services.a]\nrun.args = [\"x\"]\n[services.b]\n": "[run]\nargs = [\"x\"]\n\n[services.a]\n\n[services.b]\n",
		"[build]\nrace = true\n[services.a]\nbuild.race = false\n":                "[build]\nrace = true\n\n[services.a]\n\n[services.a.build]\nrace = false\n",
		"[services.a]\nneeds = [\"b\"]\nbuild.package = \".\"\n[services.b]\n":    "[services.a]\nneeds = [\"b\"]\n\n[services.a.build]\npackage = \".\"\n\n[services.b]\n",
	} {
		if diff := cmp.Diff(want, string(mustParse(t, text).Differences())); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// C8: JSON has the keys of the file, durations as text, and never null.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(mustParse(t, everything))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "null") {
		t.Errorf("null in %s", data)
	}
	var got struct {
		Watch, Build map[string]any
		Rules        []map[string]any
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	for key, into := range map[string]any{"watch": &got.Watch, "build": &got.Build, "rules": &got.Rules} {
		if err := json.Unmarshal(raw[key], into); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	want := []any{"0s", "1m30s", []any{"../shared"}, []any{"a && b", []any{"c", "d e"}}, map[string]any{"A.B": "1", "C": ""}}
	have := []any{got.Watch["debounce"], got.Watch["max_wait"], got.Watch["include"], got.Build["before"], got.Build["env"]}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]map[string]any{
		{"paths": []any{"a/**", "{b,c}"}, "effect": "signal", "command": []any{}, "signal": "SIGHUP"},
		{"paths": []any{"d"}, "effect": "restart", "command": "x | y"},
	}, got.Rules); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var services map[string]json.RawMessage
	if err := json.Unmarshal(raw["services"], &services); err != nil || len(services) != 2 {
		t.Errorf("services: %v, %s", err, raw["services"])
	}
	if i, j := bytes.Index(raw["services"], []byte(`"web"`)), bytes.Index(raw["services"], []byte(`"api"`)); i < 0 || j < i {
		t.Errorf("not in the order of the file: %s", raw["services"])
	}
}

func TestSchemaIsJSON(t *testing.T) {
	var s struct {
		Properties map[string]struct {
			Properties           map[string]map[string]any
			AdditionalProperties any
		}
		AdditionalProperties any
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if s.AdditionalProperties != false || s.Properties["run"].AdditionalProperties != false {
		t.Error("unknown keys are allowed")
	}
	if got := s.Properties["run"].Properties["order"]["enum"]; !cmp.Equal(got, []any{"stop-first", "start-first"}) {
		t.Errorf("run.order: %v", got)
	}
	for _, k := range Keys() {
		table, key, _ := strings.Cut(k.Name, ".")
		if table == "rules" || table == "services" {
			continue
		}
		if s.Properties[table].Properties[key]["description"] == nil {
			t.Errorf("%s is not described", k.Name)
		}
	}
}
