package proxy

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
)

// lastLines is how much of a program's last output is shown.
const lastLines = 40

// written is what the program has written for the trouble's time, as text.
func (t *trouble) written() string {
	if t.p.opt.Output == nil {
		return ""
	}
	text := safe.Plain(string(t.p.opt.Output(cmp.Or(t.origin, t.gen), t.since)))
	list := strings.Split(text, "\n")
	for i, l := range list {
		parts := strings.Split(strings.TrimSuffix(l, "\r"), "\t")
		for j, part := range parts {
			parts[j] = string(safe.Line(part))
		}
		list[i] = strings.Join(parts, "\t")
	}
	return strings.Join(list, "\n")
}

// lastWords are the last lines that the program has written: what it says before it ends is why.
func (t *trouble) lastWords() string {
	list := strings.Split(strings.TrimRight(t.written(), "\n"), "\n")
	return tail(strings.Join(list[max(0, len(list)-lastLines):], "\n"))
}

// handlerPanic is a panic from which net/http has recovered.
type handlerPanic struct {
	message, stack string
	file           string // first own frame; empty: none
	line           int
}

var (
	panicServing  = regexp.MustCompile(`\bhttp2?: panic serving \S+: (.*)$`)
	goroutineHead = regexp.MustCompile(`^goroutine \d+ \[[^\]]*\]:$`)
)

// findHandlerPanic finds the last one in what a program has printed. own says which files are the
// user's.
func findHandlerPanic(text string, own func(file string) bool) *handlerPanic {
	list := strings.Split(text, "\n")
	for i, l := range slices.Backward(list) {
		m := panicServing.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		h := &handlerPanic{message: m[1]}
		rest := list[i+1:]
		for len(rest) > 0 && !goroutineHead.MatchString(rest[0]) {
			h.message += "\n" + rest[0]
			rest = rest[1:]
		}
		if len(rest) == 0 {
			h.message = m[1] // cut off, or printed by something else
			return h
		}
		n := 1
		for n+1 < len(rest) && framePlace.MatchString(rest[n+1]) {
			n += 2 // a function and its place
		}
		h.stack = strings.Join(rest[:n], "\n")
		h.firstOwn(rest[:n], own)
		return h
	}
	return nil
}

// firstOwn looks below the call of panic: above it is net/http, which recovers.
func (h *handlerPanic) firstOwn(frames []string, own func(string) bool) {
	below := false
	for i := 1; i+1 < len(frames); i += 2 {
		if strings.HasPrefix(frames[i], "panic(") {
			below = true
			continue
		}
		m := framePlace.FindStringSubmatch(frames[i+1])
		if !below || m == nil || !own(m[1]) || strings.Contains(filepath.ToSlash(m[1]), "/vendor/") {
			continue
		}
		h.file = m[1]
		h.line, _ = strconv.Atoi(m[2])
		return
	}
}

// templateError is an error of text/template or html/template, with the name of the template, its
// line, and the column, which counts bytes from 0.
var templateError = regexp.MustCompile(`\btemplate: ?([^\s:]+):(\d+)(?::(\d+))?: (.+)`)

// templatePlaces are the places of errors in templates that a text names.
func (p *Proxy) templatePlaces(text string) []codePlace {
	out := []codePlace{}
	f := p.project().Finder()
	for _, m := range templateError.FindAllStringSubmatch(text, -1) {
		file := f.Path(m[1])
		line, _ := strconv.Atoi(m[2])
		d := event.Diagnostic{File: file, Line: line, Message: m[4]}
		if m[3] != "" {
			column, _ := strconv.Atoi(m[3])
			d.Column = column + 1
		}
		if file == "" || slices.ContainsFunc(out, func(c codePlace) bool { return c.File == p.name(file) && c.Line == line }) {
			continue
		}
		if out = append(out, p.place(d)); len(out) == 3 {
			break
		}
	}
	return out
}
