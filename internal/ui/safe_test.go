package ui

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/hotreload/hotreload/internal/event"
)

// bodies are all events, empty.
var bodies = []event.Body{
	event.SessionStarted{}, event.Changed{}, event.BuildStarted{}, event.BuildCanceled{}, event.BuildFinished{}, event.Started{},
	event.Ready{}, event.Exited{}, event.Live{}, event.Reloaded{}, event.Held{}, event.Paused{}, event.Resumed{}, event.Undone{}, event.Waiting{}, event.Waiting{Kind: event.WaitBackoff}, event.Proxy{}, event.Console{}, event.Console{Level: "uncaught"}, event.Request{}, event.Problem{}, event.Output{}, event.SessionEnded{},
}

// filled is a body with the text in every field that holds strings, down to the last.
func filled(b event.Body, text string, n int, yes bool) event.Body {
	v := reflect.New(reflect.TypeOf(b)).Elem()
	fill(v, text, n, yes)
	return v.Interface().(event.Body)
}

func fill(v reflect.Value, text string, n int, yes bool) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Bool:
		v.SetBool(yes)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(at.Add(time.Duration(n) * time.Hour)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text, n, yes)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text, n, yes)
		}
	}
}

var ownStyle = regexp.MustCompile("\x1b\\[[0-9;]*m")

// FuzzForeign holds that whatever is in an event, only our own colours and line ends come
// out beside glyphs, and no line begins at the edge but those that are ours.
func FuzzForeign(f *testing.F) {
	for _, s := range []string{
		"plain", "/home/user/shop/a.go", "\x1b]0;title\a", "\x1b]52;c;aGk=\a", "\x1b[31mred", "\u009b2J\u0090", "\x9b2J", "a\nlive    3 ms", "a\r\nb",
		"\u202eoverride\u2066", "zero\u200bwidth\ufeff", "\xff\xfe", "a\tb\x00\x7f\b", "/home/user/shop/x\n\x1b[2J.go", "waits \u0085", "restart", "none\x1bc",
	} {
		f.Add(s, 1, true)
		f.Add(s, 0, false)
	}
	f.Fuzz(func(t *testing.T, s string, n int, yes bool) {
		for _, b := range bodies {
			for _, name := range []string{"", s} {
				e := event.Event{Time: at, Service: name, Body: filled(b, s, n, yes)}
				var plain string
				for _, o := range []TextOptions{{Verbose: true}, {Verbose: true, Color: true}, {Verbose: true, Time: true, Width: func() int { return 40 }}} {
					p := new(Palette)
					p.Set([]string{s, "other"})
					o.Services = p
					got := string(text(o).Render(e))
					if o.Color {
						if got = ownStyle.ReplaceAllString(got, ""); got != plain {
							t.Errorf("colour changes the words of %#v:\n%q\n%q", e, got, plain)
						}
					}
					plain = got
					if strings.ContainsFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
						t.Errorf("control characters from %#v:\n%q", e, got)
					}
					edge := 0
					for line := range strings.Lines(got) {
						if !strings.HasPrefix(line, "  ") && line != "\n" {
							edge++
						}
					}
					want := 1
					if _, ok := e.Body.(event.BuildFinished); ok && !yes {
						want++ // what is waited for
					}
					if _, ok := e.Body.(event.Problem); ok && yes {
						want++
					}
					if edge > want {
						t.Errorf("%d lines at the edge from %#v:\n%s", edge, e, got)
					}
				}
			}
		}
	})
}
