package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// encoded is a value as TOML text.
func encoded(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case bool:
		return strconv.FormatBool(x)
	case time.Duration:
		return quote(humanDuration(x))
	case []string:
		return quotes(x)
	case Ready:
		return quote(x.String())
	case []Socket:
		return quotes(written(x))
	case Command:
		if x.Shell != "" {
			return quote(x.Shell)
		}
		return quotes(x.Argv)
	case []Command:
		parts := make([]string, len(x))
		for i, c := range x {
			parts[i] = encoded(reflect.ValueOf(c))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]string:
		if len(x) == 0 {
			return "{}"
		}
		parts := make([]string, 0, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, quoteKey(k)+" = "+quote(x[k]))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	if v.Kind() == reflect.String {
		return quote(v.String())
	}
	panic(fmt.Sprintf("config: no way to encode %s", v.Type()))
}

// Quote is s as a TOML string. strconv.Quote does not make one: \x and \a are not TOML.
func Quote(s string) string { return quote(s) }

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			// Format characters too: text that looks different from what it is has
			// no place in a config.
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08X`, r)
			} else {
				fmt.Fprintf(&b, `\u%04X`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quotes(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = quote(v)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func quoteKey(k string) string {
	bare := k != "" && !strings.ContainsFunc(k, func(r rune) bool {
		return !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	if bare {
		return k
	}
	return quote(k)
}

// defaultText is the default of a key as TOML; "" if it has none.
func defaultText(name string) string {
	s := theSchema()
	if f, ok := s.rule[name]; ok {
		if name == "rules.paths" {
			return ""
		}
		return encoded(f.in(reflect.ValueOf(defaultRule())))
	}
	if name = strings.TrimPrefix(name, "services.NAME."); name == "needs" {
		return "[]"
	}
	return encoded(s.fields[name].in(reflect.ValueOf(Default()).Elem()))
}

// TOML is the whole config, resolved: every key with its value, each service with what it
// inherits. It loads back to an equal Config. build.package is left out where it was not
// set, because then it is found by looking.
func (c *Config) TOML() []byte { return c.text(true) }

// Differences is what differs from the defaults, and for each service from the tables at the
// top. It loads back to an equal Config, too.
func (c *Config) Differences() []byte { return c.text(false) }

func (c *Config) text(all bool) []byte {
	var b bytes.Buffer
	w := &tomlWriter{b: &b, all: all}
	top, defaults := source{reflect.ValueOf(c).Elem(), c.IsSet}, source{reflect.ValueOf(Default()).Elem(), Default().IsSet}
	for _, t := range slices.Concat([]string{"watch"}, serviceTables) {
		w.table("", t, top, defaults)
	}
	w.rules("", c.Rules)
	for _, s := range c.Services {
		scope := "services." + quoteKey(s.Name)
		w.line("[%s]", scope)
		if all || len(s.Needs) > 0 {
			w.line("needs = %s", quotes(s.Needs))
		}
		if len(s.Rules) == 0 && len(c.Rules) > 0 {
			w.line("rules = []")
		}
		w.gap()
		for _, t := range serviceTables {
			w.table(scope, t, source{reflect.ValueOf(s), s.IsSet}, top)
		}
		if all || !reflect.DeepEqual(s.Rules, c.Rules) {
			w.rules(scope, s.Rules)
		}
	}
	for _, t := range []string{"log", "control"} {
		w.table("", t, top, defaults)
	}
	if b.Len() == 0 {
		return nil
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

type tomlWriter struct {
	b   *bytes.Buffer
	all bool // also what is as in the source below
}

// source is where values come from: a config, or one of its services.
type source struct {
	values reflect.Value
	isSet  func(key string) bool
}

func (w *tomlWriter) line(format string, args ...any) { fmt.Fprintf(w.b, format+"\n", args...) }
func (w *tomlWriter) gap()                            { w.b.WriteByte('\n') }

// table writes one table; below has the values that hold without it.
func (w *tomlWriter) table(scope, name string, from, below source) {
	s := theSchema()
	var lines []string
	for _, k := range s.tableKeys(name) {
		key := name + "." + k
		text := encoded(s.fields[key].in(from.values))
		differs := text != encoded(s.fields[key].in(below.values))
		if key == "build.package" {
			differs = differs || from.isSet(key) != below.isSet(key)
			if !from.isSet(key) {
				if w.all {
					lines = append(lines, "# package: found automatically")
				}
				continue
			}
		}
		if w.all || differs {
			lines = append(lines, k+" = "+text)
		}
	}
	if len(lines) > 0 {
		w.line("[%s]\n%s\n", join(scope, name), strings.Join(lines, "\n"))
	}
}

func (w *tomlWriter) rules(scope string, rules []Rule) {
	s := theSchema()
	for _, r := range rules {
		w.line("[[%s]]", join(scope, "rules"))
		for _, k := range s.tableKeys("rules") {
			if k == "signal" && r.Effect != EffectSignal || k == "command" && r.Command.IsZero() {
				continue
			}
			w.line("%s = %s", k, encoded(s.rule["rules."+k].in(reflect.ValueOf(r))))
		}
		w.gap()
	}
}

// object is a JSON object that keeps the order of the documentation.
type object []member

type member struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonValue is a value as JSON shows it: durations as in the file, commands as a list or
// a string, lists never null.
func jsonValue(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return humanDuration(x)
	case []string:
		return append([]string{}, x...)
	case Ready:
		return x.String()
	case []Socket:
		return written(x)
	case map[string]string:
		if x == nil {
			return map[string]string{}
		}
		return x
	case Command:
		if x.Shell != "" {
			return x.Shell
		}
		return append([]string{}, x.Argv...)
	case []Command:
		out := make([]any, len(x))
		for i, c := range x {
			out[i] = jsonValue(reflect.ValueOf(c))
		}
		return out
	case []Rule:
		out := make([]any, len(x))
		for i, r := range x {
			out[i] = jsonRule(r)
		}
		return out
	}
	return v.Interface()
}

func jsonRule(r Rule) object {
	s := theSchema()
	var o object
	for _, k := range s.tableKeys("rules") {
		if k == "signal" && r.Effect != EffectSignal {
			continue
		}
		o = append(o, member{k, jsonValue(s.rule["rules."+k].in(reflect.ValueOf(r)))})
	}
	return o
}

func jsonTable(name string, v reflect.Value) member {
	s := theSchema()
	var o object
	for _, k := range s.tableKeys(name) {
		o = append(o, member{k, jsonValue(s.fields[name+"."+k].in(v))})
	}
	return member{name, o}
}

// MarshalJSON has the keys of the file, with every service resolved.
func (c *Config) MarshalJSON() ([]byte, error) {
	v := reflect.ValueOf(c).Elem()
	var o object
	for _, t := range slices.Concat([]string{"watch"}, serviceTables) {
		o = append(o, jsonTable(t, v))
	}
	o = append(o, member{"rules", jsonValue(reflect.ValueOf(c.Rules))})
	services := object{}
	for _, s := range c.Services {
		services = append(services, member{s.Name, s})
	}
	o = append(o, member{"services", services}, jsonTable("log", v), jsonTable("control", v))
	return o.MarshalJSON()
}

// MarshalJSON has the keys of [services.NAME].
func (s Service) MarshalJSON() ([]byte, error) {
	v := reflect.ValueOf(s)
	var o object
	for _, t := range serviceTables {
		o = append(o, jsonTable(t, v))
	}
	o = append(o, member{"rules", jsonValue(reflect.ValueOf(s.Rules))}, member{"needs", jsonValue(reflect.ValueOf(s.Needs))})
	return o.MarshalJSON()
}
