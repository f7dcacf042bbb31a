package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Set applies one --set KEY=VALUE, which overrides the file. KEY is dotted and may be any
// key, "services.NAME.KEY" and single variables ("run.env.NAME") included. VALUE is TOML;
// where a string, a duration or a command is expected, text without quotes is taken as it
// is, and one word where a list is. Nothing is changed if there is an error. Call Finish after the last Set.
func (c *Config) Set(text string) error {
	a, wrong := c.assignment(text)
	if wrong != nil {
		return Errors{wrong}
	}
	n, wrong := a.parse()
	if wrong != nil {
		return Errors{wrong}
	}
	type put struct {
		key   string
		value reflect.Value
	}
	var puts []put // only when nothing is wrong
	d := &decoder{c: c}
	d.entry(n, a.scope, func(key string, v reflect.Value, _ place) { puts = append(puts, put{key, v}) })
	if len(d.errs) > 0 {
		return d.errs.sorted()
	}
	for _, p := range puts {
		if isVariable(a.path) {
			p.value = c.mergedEnv(a.layer, p.key, p.value)
		}
		if a.layer != nil {
			a.layer.put(p.key, p.value, a.at)
		} else {
			d.top(p.key, p.value, a.at)
		}
	}
	return nil
}

// assignment is a KEY=VALUE whose value has not been read yet.
type assignment struct {
	at         place
	key, value string
	scope      string   // "services.NAME", or "" for the tables at the top
	layer      *layer   // of that service, or nil
	path       []string // parts of the key below the scope
}

// assignment splits KEY=VALUE and finds the service that KEY names.
func (c *Config) assignment(text string) (assignment, *Error) {
	a := assignment{at: place{path: "--set " + text}}
	key, value, ok := strings.Cut(text, "=")
	a.key, a.value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || a.key == "" {
		hint := "--set build.race=true"
		if f, known := theSchema().fields[a.key]; known && f.typ == reflect.TypeFor[bool]() {
			hint = "--set " + a.key + "=true"
		}
		return a, a.at.errorf(hint, "expected KEY=VALUE")
	}
	if !utf8.ValidString(text) {
		return a, a.at.errorf("", "not valid UTF-8")
	}
	if a.path = keyPath(a.key); a.path == nil {
		return a, a.at.errorf("", "%q is not a key", a.key)
	}
	if a.path[0] == "services" && len(a.path) > 2 {
		name := a.path[1]
		if a.layer = c.layer(name); a.layer == nil {
			return a, c.unknownService(a.at, name)
		}
		a.scope, a.path = "services."+name, a.path[2:]
	}
	return a, nil
}

// parse reads the value. The node is that of the first part of the path.
func (a assignment) parse() (*node, *Error) {
	value := a.value
	switch {
	case wantsText(a.path, value):
		value = quote(value)
	case wantsList(a.path):
		value = listOf(value)
	}
	root, whole, errs := parseTree([]byte(a.key+" = "+value), a.at.path, nil)
	if !whole {
		one := errs[0]
		if one.Hint = valueHint(a.path, value); one.Hint == "" {
			key := strings.Join(a.path, ".")
			one = a.at.errorf(unknownHint(a.scope, key), "unknown key %q", join(a.scope, key))
		}
		return nil, one
	}
	switch {
	case len(root.fields) != 1:
		return nil, a.at.errorf("use --set once per key", "more than one key")
	case a.layer != nil:
		return root.fields[0].fields[0].fields[0], nil
	case a.path[0] == "services":
		return nil, a.at.errorf("--set services.NAME.KEY=VALUE", "services are set key by key")
	}
	return root.fields[0], nil
}

// isVariable reports whether a path is that of a single environment variable.
func isVariable(path []string) bool {
	return len(path) == 3 && path[1] == "env" && (path[0] == "run" || path[0] == "build")
}

// keyPath splits a dotted key, in which parts may be quoted; nil if it is not a key.
func keyPath(key string) []string {
	if strings.ContainsAny(key, "\n\r#[{") {
		return nil
	}
	n, whole, _ := parseTree([]byte(key+" = 0"), "", nil)
	if !whole || len(n.fields) != 1 {
		return nil
	}
	var path []string
	for n = n.fields[0]; ; n = n.fields[0] {
		path = append(path, n.key)
		if len(n.fields) == 0 {
			return path
		}
	}
}

func (c *Config) unknownService(at place, name string) *Error {
	names := make([]string, len(c.layers))
	for i, l := range c.layers {
		names[i] = l.name
	}
	hint := "the file has no [services.NAME]; for a single program, use keys without services.NAME"
	if near := nearest(name, names); near != "" {
		hint = didYouMean(near)
	} else if len(names) > 0 {
		hint = "there is " + strings.Join(names, ", ")
	}
	return at.errorf(hint, "there is no service %q", name)
}

// wantsText reports whether value is bare text for a key that takes text.
func wantsText(path []string, value string) bool {
	quoted := strings.HasPrefix(value, `"`) || strings.HasPrefix(value, `'`)
	if isVariable(path) {
		return !quoted
	}
	f, ok := theSchema().fields[strings.Join(path, ".")]
	if !ok || quoted {
		return false
	}
	switch f.typ {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[Ready]():
		return true
	case reflect.TypeFor[Command]():
		return !strings.HasPrefix(value, "[")
	}
	return f.typ.Kind() == reflect.String
}

// wantsList reports whether the key takes a list of strings.
func wantsList(path []string) bool {
	f, ok := theSchema().fields[strings.Join(path, ".")]
	return ok && (f.typ == reflect.TypeFor[[]string]() || f.typ == reflect.TypeFor[[]Socket]())
}

// listOf is the list that is meant by a value: one word is a list of one. cmd.exe passes on the single
// quotes around a list, and PowerShell 5 drops the quotes within it. More words stay a mistake, because
// a comma may belong to a word.
func listOf(value string) string {
	if inner, ok := strings.CutPrefix(value, "'["); ok && strings.HasSuffix(inner, "]'") {
		return value[1 : len(value)-1]
	}
	if value != "" && !strings.ContainsAny(value, "[]\"',") {
		return "[" + quote(value) + "]"
	}
	return value
}

// valueHint shows how the value of a key is written; "" if there is no such key.
func valueHint(path []string, value string) string {
	key := strings.Join(path, ".")
	f, ok := theSchema().fields[key]
	switch {
	case isVariable(path):
		return "--set '" + key + "=value'"
	case !ok && len(path) == 1 && isTable(key):
		return "--set " + key + ".KEY=VALUE"
	case !ok:
		return ""
	case key == "rules":
		return `--set 'rules=[{ paths = ["templates/**"], effect = "restart" }]'`
	case f.typ == reflect.TypeFor[bool]():
		return "--set " + key + "=true"
	case wantsList(path) && value != "" && !strings.ContainsAny(value, `[]"'`):
		parts := strings.Split(value, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return fmt.Sprintf("--set '%s=%s'", key, quotes(slices.DeleteFunc(parts, func(s string) bool { return s == "" })))
	}
	return fmt.Sprintf("--set '%s=%s'", key, theSchema().specs[key].Example)
}

// mergedEnv is the table of variables that is set so far, with those of v.
func (c *Config) mergedEnv(l *layer, key string, v reflect.Value) reflect.Value {
	before := theSchema().fields[key].in(reflect.ValueOf(c).Elem())
	if l != nil {
		before = l.values[key]
	}
	out := map[string]string{}
	for _, from := range []reflect.Value{before, v} {
		if from.IsValid() {
			for name, value := range from.Interface().(map[string]string) {
				out[name] = value
			}
		}
	}
	return reflect.ValueOf(out)
}
