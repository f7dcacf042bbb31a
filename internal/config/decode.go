package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills a Config from a tree and gathers every mistake.
type decoder struct {
	c       *Config
	errs    Errors
	partial bool // the document is not valid TOML: what is missing may follow after that position
}

func (d *decoder) fail(at place, hint, format string, args ...any) {
	d.errs = append(d.errs, at.errorf(hint, format, args...))
}

// sink takes a decoded value.
type sink func(key string, v reflect.Value, at place)

// file decodes a whole document.
func (d *decoder) file(root *node) {
	for _, n := range root.fields {
		if n.key == "services" {
			d.services(n)
			continue
		}
		d.entry(n, "", d.top)
	}
}

// top puts a value into the tables at the top.
func (d *decoder) top(key string, v reflect.Value, at place) {
	theSchema().fields[key].in(reflect.ValueOf(d.c).Elem()).Set(v)
	d.c.set[key] = at
}

var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func (d *decoder) services(n *node) {
	if n.kind != tableNode {
		d.fail(n.at, "[services.api]", "services: expected tables with names, found %s", n.kind)
		return
	}
	for _, s := range n.fields {
		if !serviceName.MatchString(s.key) {
			what := fmt.Sprintf("%q cannot be the name of a service", s.key)
			if s.key == "" {
				what = "the name of a service is empty"
			}
			d.fail(s.keyAt, "a name consists of letters, digits, - and _, as in [services.api]", "%s", what)
			continue
		}
		if s.kind != tableNode {
			hint := "[services." + s.key + "]"
			if isTable(s.key) {
				hint = "[services.NAME." + s.key + "]: the name of the service is missing"
			}
			d.fail(s.at, hint, "services.%s: expected a table, found %s", s.key, s.kind)
			continue
		}
		l := d.c.layer(s.key)
		if l == nil {
			l = newLayer(s.key, s.keyAt)
			d.c.layers = append(d.c.layers, l)
		}
		for _, f := range s.fields {
			d.entry(f, "services."+s.key, l.put)
		}
	}
}

func isTable(name string) bool {
	return slices.ContainsFunc(tables, func(t tableSpec) bool { return t.Name == name })
}

// entry decodes one entry of the top (scope "") or of a service.
func (d *decoder) entry(n *node, scope string, put sink) {
	service := scope != ""
	inService := slices.Contains(serviceTables, n.key)
	switch {
	case n.key == "rules":
		d.rules(n, join(scope, "rules"), put)
	case service && n.key == "needs":
		d.key(n, scope, "needs", put)
	case inService, !service && isTable(n.key):
		if n.kind != tableNode {
			hint := "[" + join(scope, n.key) + "]"
			d.fail(n.at, hint, "%s: expected a table, found %s", join(scope, n.key), n.kind)
			return
		}
		for _, f := range n.fields {
			key := n.key + "." + f.key
			if _, ok := theSchema().fields[key]; ok {
				d.key(f, scope, key, put)
			} else {
				d.unknown(f, scope, key)
			}
		}
	default:
		d.unknown(n, scope, n.key)
	}
}

func join(scope, key string) string {
	if scope == "" {
		return key
	}
	return scope + "." + key
}

// key decodes a known key.
func (d *decoder) key(n *node, scope, key string, put sink) {
	s := theSchema()
	if v, ok := d.value(n, join(scope, key), s.specs[key], s.fields[key].typ); ok {
		put(key, v, n.at)
	}
}

func (d *decoder) rules(n *node, scope string, put sink) {
	if n.kind != arrayNode {
		d.fail(n.at, "[["+scope+"]] with two brackets: there may be several", "%s: expected a list of tables, found %s", scope, n.kind)
		return
	}
	var rules []Rule
	seen := map[string]place{}
	for _, item := range n.items {
		if item.kind != tableNode {
			d.fail(item.at, `[[`+scope+`]], or { paths = ["templates/**"], effect = "restart" }`, "%s: expected a table, found %s", scope, item.kind)
			continue
		}
		rules = append(rules, d.rule(item, scope, seen))
	}
	put("rules", reflect.ValueOf(rules), n.at)
}

func (d *decoder) rule(n *node, scope string, seen map[string]place) Rule {
	r := defaultRule()
	s := theSchema()
	failed := len(d.errs)
	var paths, signal *node
	for _, f := range n.fields {
		field, ok := s.rule["rules."+f.key]
		if !ok {
			d.unknown(f, strings.TrimSuffix(strings.TrimSuffix(scope, "rules"), "."), "rules."+f.key)
			continue
		}
		switch f.key {
		case "paths":
			paths = f
		case "signal":
			signal = f
		}
		if v, ok := d.value(f, scope+"."+f.key, s.specs[field.key], field.typ); ok {
			field.in(reflect.ValueOf(&r).Elem()).Set(v)
		}
	}
	if len(d.errs) > failed || d.partial {
		return r
	}
	if len(r.Paths) == 0 {
		at := n.at
		if paths != nil {
			at = paths.at
		}
		d.fail(at, `paths = ["templates/**/*.html"]`, "%s: a rule needs paths", scope)
		return r
	}
	for i, p := range r.Paths {
		if first, ok := seen[p]; ok {
			d.fail(paths.items[i].at, "the first rule that matches is used, so this one never is", "%s.paths: %q is already in a rule (%s)", scope, p, first)
			continue
		}
		seen[p] = paths.items[i].at
	}
	if signal != nil && r.Effect != EffectSignal {
		d.fail(signal.at, `set effect = "signal", or remove signal`, "%s.signal: is not used with effect = %q", scope, r.Effect)
	}
	return r
}

// value decodes n as the type of a key. name is the key as the reader knows it.
func (d *decoder) value(n *node, name string, s *spec, t reflect.Type) (reflect.Value, bool) {
	switch t {
	case reflect.TypeFor[bool]():
		return decoded(d.boolean(n, name))
	case reflect.TypeFor[time.Duration]():
		return decoded(d.duration(n, name, s))
	case reflect.TypeFor[Ready]():
		return decoded(d.ready(n, name, s))
	case reflect.TypeFor[[]string]():
		return decoded(d.list(n, name, s))
	case reflect.TypeFor[[]Socket]():
		return decoded(d.sockets(n, name, s))
	case reflect.TypeFor[map[string]string]():
		return decoded(d.variables(n, name))
	case reflect.TypeFor[Command]():
		return decoded(d.command(n, name, s))
	case reflect.TypeFor[[]Command]():
		return decoded(d.commands(n, name, s))
	}
	if t.Kind() != reflect.String {
		panic("config: no way to decode " + name)
	}
	v, ok := d.text(n, name, s)
	return reflect.ValueOf(v).Convert(t), ok
}

func decoded[T any](v T, ok bool) (reflect.Value, bool) { return reflect.ValueOf(v), ok }

func (d *decoder) boolean(n *node, name string) (value, ok bool) {
	if n.kind == boolNode {
		return n.text == "true", true
	}
	hint := ""
	switch {
	case n.kind == stringNode && (n.text == "true" || n.text == "false"):
		hint = "without quotes: " + last(name) + " = " + n.text
	case n.kind == integerNode && (n.text == "0" || n.text == "1"):
		hint = last(name) + " = " + strconv.FormatBool(n.text == "1")
	}
	d.fail(n.at, hint, "%s: expected true or false, found %s", name, n.kind)
	return false, false
}

func last(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func (d *decoder) duration(n *node, name string, s *spec) (time.Duration, bool) {
	number := n.kind == integerNode || n.kind == floatNode
	if n.kind != stringNode && !number {
		d.fail(n.at, last(name)+" = "+s.Example, "%s: expected a duration, found %s", name, n.kind)
		return 0, false
	}
	v, err := parseDuration(n.text)
	if number || err == errUnit {
		// The unit in which the default is written is the one people mean.
		unit := strings.TrimLeft(strings.Trim(defaultText(s.Name), `"`), "0123456789")
		d.fail(n.at, fmt.Sprintf("%s = %q", last(name), strings.TrimLeft(n.text, "+-")+unit), "%s: a duration needs a unit", name)
		return 0, false
	}
	if err != nil {
		d.fail(n.at, last(name)+" = "+s.Example, "%s: %s", name, err)
		return 0, false
	}
	if v == 0 && s.Name == "watch.poll_interval" {
		d.fail(n.at, last(name)+" = "+s.Example, "%s: must be longer than 0", name)
		return 0, false
	}
	return v, true
}

func (d *decoder) ready(n *node, name string, s *spec) (Ready, bool) {
	v, ok := d.text(n, name, s)
	r, err := parseReady(v) // text has checked it, and reported what is wrong
	return r, ok && err == nil
}

// text decodes a string and checks it.
func (d *decoder) text(n *node, name string, s *spec) (string, bool) {
	if n.kind != stringNode {
		hint := last(name) + " = " + s.Example
		if n.key == "" { // an entry of a list
			hint = ""
		}
		if n.kind == integerNode || n.kind == boolNode || n.kind == floatNode {
			hint = "in quotes: " + strconv.Quote(n.text)
		}
		d.fail(n.at, hint, "%s: expected a string, found %s", name, n.kind)
		return "", false
	}
	return d.check(n, name, s)
}

func (d *decoder) check(n *node, name string, s *spec) (string, bool) {
	v := n.text
	if len(s.Values) > 0 && !slices.Contains(s.Values, v) {
		hint := ""
		if near := nearest(v, s.Values); near != "" {
			hint = didYouMean(near)
		}
		d.fail(n.at, hint, "%s: %q is not one of %s", name, v, quoteList(s.Values))
		return "", false
	}
	if s.check != nil {
		if wrong, hint := s.check(v); wrong != "" {
			d.fail(n.at, hint, "%s: %s", name, wrong)
			return "", false
		}
	}
	if s.tidy != nil {
		if tidied := s.tidy(v); s.check == nil {
			v = tidied
		} else if wrong, _ := s.check(tidied); wrong == "" {
			v = tidied
		}
	}
	return v, true
}

// list decodes a list of strings. An empty one is nil, like one that is not set.
func (d *decoder) list(n *node, name string, s *spec) ([]string, bool) {
	if n.kind != arrayNode || n.tables {
		hint := last(name) + " = " + s.Example
		if n.kind == stringNode && n.text != "" {
			hint = fmt.Sprintf("%s = [%s]", last(name), quoteList([]string{n.text}))
			if s.Type == typeArgv && strings.ContainsAny(n.text, " \t") {
				hint = fmt.Sprintf("%s = [%s]", last(name), quoteList(strings.Fields(n.text)))
			}
		}
		d.fail(n.at, hint, "%s: expected a %s, found %s", name, s.Type, n.kind)
		return nil, false
	}
	var out []string
	good := true
	for _, item := range n.items {
		v, ok := d.text(item, name, s)
		out, good = append(out, v), good && ok
	}
	if s.Name == "run.command" && good && len(out) > 0 && out[0] == "" {
		d.fail(n.items[0].at, "", "%s: the program is empty", name)
		return nil, false
	}
	return out, good
}

// sockets decodes run.listen. Entries that are no sockets are reported as its strings are checked.
func (d *decoder) sockets(n *node, name string, s *spec) ([]Socket, bool) {
	entries, ok := d.list(n, name, s)
	if !ok {
		return nil, false
	}
	var out []Socket
	for _, entry := range entries {
		socket, err := parseSocket(entry)
		if err != nil {
			return nil, false
		}
		out = append(out, socket)
	}
	return out, true
}

func (d *decoder) variables(n *node, name string) (map[string]string, bool) {
	if n.kind != tableNode {
		d.fail(n.at, last(name)+` = { NAME = "value" }`, "%s: expected a table of strings, found %s", name, n.kind)
		return nil, false
	}
	var out map[string]string
	good := true
	for _, f := range n.fields {
		v, ok := d.variable(f, name)
		if good = good && ok; ok {
			if out == nil {
				out = map[string]string{}
			}
			out[f.key] = v
		}
	}
	return out, good
}

func (d *decoder) variable(f *node, name string) (string, bool) {
	if wrong, hint := checkVariable(f.key); wrong != "" {
		d.fail(f.keyAt, hint, "%s: %s", name, wrong)
		return "", false
	}
	return d.text(f, name+"."+quoteKey(f.key), &spec{Key: Key{Example: `"value"`}, check: checkText})
}

func (d *decoder) command(n *node, name string, s *spec) (Command, bool) {
	switch {
	case n.kind == stringNode:
		v, ok := d.check(n, name, s)
		if ok && v != "" && strings.TrimSpace(v) == "" {
			d.fail(n.at, "", "%s: the command is blank", name)
			return Command{}, false
		}
		return Command{Shell: v}, ok
	case n.kind == arrayNode && !n.tables:
		argv := Command{}
		good := true
		for _, item := range n.items {
			v, ok := d.text(item, name, s)
			argv.Argv, good = append(argv.Argv, v), good && ok
		}
		if good && len(argv.Argv) > 0 && argv.Argv[0] == "" {
			d.fail(n.items[0].at, "", "%s: the program is empty", name)
			return Command{}, false
		}
		return argv, good
	}
	d.fail(n.at, `a list of arguments ["make", "build"], or a string for the shell "make build"`, "%s: expected a command, found %s", name, n.kind)
	return Command{}, false
}

func (d *decoder) commands(n *node, name string, s *spec) ([]Command, bool) {
	if n.kind != arrayNode || n.tables {
		hint := last(name) + " = " + s.Example
		if n.kind == stringNode {
			hint = fmt.Sprintf("%s = [%s]", last(name), quoteList([]string{n.text}))
		}
		d.fail(n.at, hint, "%s: expected a %s, found %s", name, s.Type, n.kind)
		return nil, false
	}
	var out []Command
	good := true
	for _, item := range n.items {
		c, ok := d.command(item, name, s)
		if ok && c.IsZero() {
			d.fail(item.at, "", "%s: an empty command", name)
			ok = false
		}
		out, good = append(out, c), good && ok
	}
	return out, good
}

// unknown reports a key that does not exist, with the key that the person probably wanted.
// key is relative to scope: "build.tgas".
func (d *decoder) unknown(n *node, scope, key string) {
	what := "key"
	if n.kind == tableNode || n.tables {
		what = "table"
	}
	d.fail(n.keyAt, unknownHint(scope, key), "unknown %s %q", what, join(scope, key))
}

// unknownHint is what to write instead of an unknown key.
func unknownHint(scope, key string) string {
	if foreign, ok := Foreign[key]; ok {
		return foreign + "; `hotreload init --from .air.toml` translates a whole file of Air"
	}
	if scope != "" && (key == "watch" || key == "log" || key == "control") {
		return "[" + key + "] applies to the whole session: move it to the top of the file"
	}
	table, name, dotted := strings.Cut(key, ".")
	if !dotted {
		table, name = "", key
	}
	here := namesIn(scope)
	if table != "" {
		if near := nearest(table, here); near != "" && !slices.Contains(here, table) {
			return didYouMean(join(scope, near+"."+name))
		}
		here = theSchema().tableKeys(table)
	}
	if near := nearest(name, here); near != "" {
		return didYouMean(near)
	}
	if hint := elsewhere(scope, name); hint != "" {
		return hint
	}
	return "valid here: " + strings.Join(here, ", ")
}

// namesIn are the tables and keys at the top (scope "") or in a service.
func namesIn(scope string) []string {
	if scope != "" {
		return slices.Concat(serviceTables, []string{"rules", "needs"})
	}
	return slices.Concat([]string{"watch"}, serviceTables, []string{"rules", "services", "log", "control"})
}

// elsewhere is the hint for a key that belongs into another table: the right name in the
// wrong table, or a name that is near one. It is empty if there is none.
func elsewhere(scope, name string) string {
	var same, all []string
	for _, full := range theSchema().names {
		if scope != "" && !inheritable(full) || scope == "" && full == "needs" {
			continue
		}
		if all = append(all, full); last(full) == name {
			same = append(same, full)
		}
	}
	switch {
	case len(same) == 1:
		return didYouMean(join(scope, same[0]))
	case len(same) > 1:
		return fmt.Sprintf("did you mean %q or %q?", join(scope, same[0]), join(scope, same[1]))
	case scope == "" && name == "needs":
		return "needs belongs to a service: [services.NAME]"
	}
	for _, full := range all {
		if distance(name, last(full)) <= max(1, len(name)/4) {
			return didYouMean(join(scope, full))
		}
	}
	return ""
}

func didYouMean(key string) string { return fmt.Sprintf("did you mean %q?", key) }

func inheritable(key string) bool {
	table, _, _ := strings.Cut(key, ".")
	return slices.Contains(serviceTables, table) || table == "rules" || table == "needs"
}
