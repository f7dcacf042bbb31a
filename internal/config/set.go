package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Set applies one --set KEY=VALUE over what the file says. KEY is dotted and may be any
// key, "services.NAME.KEY" and single variables ("run.env.NAME") included. VALUE is TOML;
// where a string, a duration or a command is expected, text without quotes is taken as it
// is. Nothing is changed if there is an error. Call Finish after the last Set.
func (c *Config) Set(assignment string) error {
	at := place{path: "--set " + assignment}
	key, value, ok := strings.Cut(assignment, "=")
	if key = strings.TrimSpace(key); !ok || key == "" {
		hint := "--set build.race=true"
		if f, known := theSchema().fields[key]; known && f.typ == reflect.TypeFor[bool]() {
			hint = "--set " + key + "=true"
		}
		return Errors{at.errorf(hint, "expected KEY=VALUE")}
	}
	if !utf8.ValidString(assignment) {
		return Errors{at.errorf("", "not valid UTF-8")}
	}
	value = strings.TrimSpace(value)
	path := c.keyPath(key)
	if path == nil {
		return Errors{at.errorf("", "%q is no key", key)}
	}
	scope, rest := "", path
	if path[0] == "services" && len(path) > 2 {
		if c.layer(path[1]) == nil {
			return Errors{c.unknownService(at, path[1])}
		}
		scope, rest = "services."+path[1], path[2:]
	}
	bare := wantsText(rest, value)
	if bare {
		value = quote(value)
	}
	root, whole, errs := parseTree([]byte(key+" = "+value), at.path, nil)
	if !whole {
		one := errs[0]
		if one.Hint = valueHint(rest, value); one.Hint == "" {
			key := strings.Join(rest, ".")
			one = at.errorf(unknownHint(scope, key), "unknown key %q", join(scope, key))
		}
		return Errors{one}
	}
	if n := root; len(n.fields) != 1 {
		return Errors{at.errorf("use --set once per key", "more than one key")}
	}

	type put struct {
		layer *layer
		key   string
		value reflect.Value
	}
	var puts []put
	d := &decoder{c: c}
	if scope == "" && path[0] == "services" {
		return Errors{at.errorf("--set services.NAME.KEY=VALUE", "services are set key by key")}
	}
	n := root.fields[0]
	if scope != "" {
		n = n.fields[0].fields[0]
	}
	l := c.layer(strings.TrimPrefix(scope, "services."))
	d.entry(n, scope, func(key string, v reflect.Value, _ place) { puts = append(puts, put{l, key, v}) })
	if len(d.errs) > 0 {
		return d.errs.sorted()
	}
	for _, p := range puts {
		if len(rest) == 3 && rest[1] == "env" {
			p.value = c.mergedEnv(p.layer, p.key, p.value)
		}
		if p.layer != nil {
			p.layer.put(p.key, p.value, at)
		} else {
			d.top(p.key, p.value, at)
		}
	}
	return nil
}

// keyPath splits a dotted key, in which parts may be quoted; nil if it is none.
func (c *Config) keyPath(key string) []string {
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
	hint := "the file has no [services.NAME]; a single program is set by keys without services."
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(names) > 0 {
		hint = "there is " + strings.Join(names, ", ")
	}
	return at.errorf(hint, "there is no service %q", name)
}

// wantsText reports whether value is bare text for a key that takes text.
func wantsText(path []string, value string) bool {
	quoted := strings.HasPrefix(value, `"`) || strings.HasPrefix(value, `'`)
	if len(path) == 3 && path[1] == "env" && (path[0] == "run" || path[0] == "build") {
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

// valueHint shows how the value of a key is written; "" if there is no such key.
func valueHint(path []string, value string) string {
	key := strings.Join(path, ".")
	f, ok := theSchema().fields[key]
	switch {
	case !ok && len(path) == 3 && path[1] == "env":
		return "--set '" + key + "=value'"
	case !ok && len(path) == 1 && isTable(key):
		return "--set " + key + ".KEY=VALUE"
	case !ok:
		return ""
	case key == "rules":
		return `--set 'rules=[{ paths = ["templates/**"], effect = "restart" }]'`
	case f.typ == reflect.TypeFor[bool]():
		return "--set " + key + "=true"
	case (f.typ == reflect.TypeFor[[]string]() || f.typ == reflect.TypeFor[[]Socket]()) && value != "" && !strings.ContainsAny(value, `[]"'`):
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
