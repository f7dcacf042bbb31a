package runner

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Panic is the crash of a Go program, as its runtime printed it.
type Panic struct {
	// Message is what was panicked with, without "panic: ", possibly several lines;
	// or "fatal error: ..." of the runtime; or "data race".
	Message string
	Frame   Frame  // the first own frame; the zero Frame if there is none
	Stack   string // the whole text from the message on
}

// Frame is one line of a stack trace.
type Frame struct {
	Func string // with package path, without arguments: "example.com/app/db.(*Pool).Get"
	File string // as it was printed: absolute, unless built with -trimpath
	Line int
}

var (
	goroutineLine = regexp.MustCompile(`^goroutine \d+ .*\[([^\]]*)\]:$`)
	fileLine      = regexp.MustCompile(`^\s+(\S.*):(\d+)(?: .*)?$`)
	raceEnd       = regexp.MustCompile(`(?m)^Found \d+ data race\(s\)`)
	exitStatus    = regexp.MustCompile(`^exit status \d+$`) // of `go run`
)

// parseCrash finds the last panic or runtime error in the end of a program's standard error
// output; nil if there is none. own says whether a source file is the user's own; nil: every file
// outside GOROOT, the module cache and vendor directories. final is true if nothing else was
// written after it.
//
// Of several panics (one in a deferred function, one that was recovered and raised again) the
// oldest that was not recovered for good counts, and its own place, not that of the deferred
// function.
func parseCrash(text []byte, own func(string) bool) (p *Panic, final bool) {
	lines := splitLines(text)
	for start := len(lines) - 1; start >= 0; start-- {
		if !strings.HasPrefix(lines[start], "panic: ") && !strings.HasPrefix(lines[start], "fatal error: ") {
			continue
		}
		header := findGoroutine(lines[start+1:])
		if header < 0 {
			// With GOTRACEBACK=none the message is all there is, and the end.
			if !onlyMessage(lines[start+1:]) {
				continue
			}
			header = len(lines) - start - 1
		}
		header += start + 1
		p = &Panic{Stack: strings.TrimRight(strings.Join(lines[start:], "\n"), "\n")}
		var oldest int
		p.Message, oldest = message(lines[start:header])
		p.Frame = firstOwn(lines[header:], oldest, own, !strings.HasPrefix(p.Message, "fatal error: "))
		return p, endsInStackLines(lines[start:])
	}
	return nil, false
}

func splitLines(text []byte) []string {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return strings.Split(string(text), "\n")
}

// findGoroutine returns the index of the goroutine that crashed, -1 if there is none.
// A stack overflow and GOTRACEBACK=system may show others before it.
func findGoroutine(lines []string) int {
	first := -1
	for i, l := range lines {
		if m := goroutineLine.FindStringSubmatch(l); m != nil {
			if strings.HasPrefix(m[1], "running") {
				return i
			}
			if first < 0 {
				first = i
			}
		}
	}
	return first
}

// onlyMessage says whether nothing but the rest of a message follows.
func onlyMessage(lines []string) bool {
	for _, l := range lines {
		if l != "" && !strings.HasPrefix(l, "\t") && !strings.HasPrefix(l, "[signal ") && !exitStatus.MatchString(l) {
			return false
		}
	}
	return true
}

// message takes the lines from "panic: " to the goroutine apart. A chain of panics is
// printed oldest first, each later one on a line with a tab; further lines of a value have
// a tab as well (since Go 1.18).
//
// It returns the oldest panic that was not recovered for good, and which of the stack's
// panics that is, counted from the oldest, 0.
func message(lines []string) (text string, index int) {
	type link struct {
		text  []string
		index int
	}
	var chain []link
	count := 0
	for i, l := range lines {
		v, begins := strings.CutPrefix(l, "panic: ")
		if i > 0 {
			v, begins = strings.CutPrefix(l, "\tpanic: ")
		}
		switch {
		case i == 0 && !begins:
			chain = append(chain, link{text: []string{l}}) // fatal error
		case begins:
			if n := len(chain); n > 0 && strings.HasSuffix(lastLine(chain[n-1].text), " [recovered, repanicked]") {
				count++ // printed once, but twice on the stack
			}
			chain = append(chain, link{text: []string{v}, index: count})
			count++
		case strings.HasPrefix(l, "[signal ") || strings.HasPrefix(l, "runtime stack:") || l == "" && !moreMessage(lines[i+1:]):
			lines = nil
		case lines == nil:
		default:
			n := len(chain) - 1
			chain[n].text = append(chain[n].text, strings.TrimPrefix(l, "\t"))
		}
		if lines == nil {
			break
		}
	}
	chosen := chain[len(chain)-1]
	for _, c := range chain {
		if !strings.HasSuffix(lastLine(c.text), " [recovered]") {
			chosen = c
			break
		}
	}
	text = strings.Join(chosen.text, "\n")
	for _, suffix := range []string{" [recovered]", " [recovered, repanicked]", " [goexit]"} {
		text = strings.TrimSuffix(text, suffix)
	}
	return strings.TrimRight(text, "\n"), chosen.index
}

func lastLine(text []string) string { return text[len(text)-1] }

// moreMessage says whether a line of a value follows an empty one. Values of old Go
// versions are printed as they are, of new ones with a tab.
func moreMessage(lines []string) bool {
	return len(lines) > 0 && strings.HasPrefix(lines[0], "\t")
}

// frames reads one goroutine's stack, which ends at an empty line.
func frames(lines []string) (fs []Frame, rest []string) {
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if l == "" {
			return fs, lines[i+1:]
		}
		if strings.HasPrefix(l, "\t") || i+1 >= len(lines) {
			continue
		}
		m := fileLine.FindStringSubmatch(lines[i+1])
		if m == nil {
			continue
		}
		name := l
		if by, ok := strings.CutPrefix(l, "created by "); ok {
			name, _, _ = strings.Cut(by, " in goroutine ")
		} else if k := strings.LastIndexByte(l, '('); k > 0 {
			name = l[:k]
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		fs = append(fs, Frame{Func: name, File: m[1], Line: n})
		i++
	}
	return fs, nil
}

// firstOwn finds the first own frame. With several panics on the stack it looks below the
// call of panic that is number index from the bottom (the runtime hides the topmost call).
// Unless only is true, it goes on with the other goroutines.
func firstOwn(lines []string, index int, own func(string) bool, only bool) Frame {
	accept := func(f Frame) bool { return outside(f) }
	if own != nil {
		accept = func(f Frame) bool { return own(f.File) }
	}
	for pass := 0; pass < 2; pass++ {
		rest := lines
		for len(rest) > 0 {
			if !goroutineLine.MatchString(rest[0]) {
				rest = rest[1:]
				continue
			}
			var fs []Frame
			fs, rest = frames(rest[1:])
			from, seen := 0, 0
			for i := len(fs) - 1; i >= 0; i-- {
				if fs[i].Func == "panic" || fs[i].Func == "runtime.gopanic" {
					if seen == index {
						from = i + 1
						break
					}
					seen++
				}
			}
			for _, f := range fs[from:] {
				if accept(f) {
					return f
				}
			}
			if only {
				break
			}
		}
		// Nothing that the caller calls its own (file names of -trimpath are not): what
		// is at least no library.
		accept = outside
	}
	return Frame{}
}

// standard are the first path elements of the standard library's packages.
var standard = map[string]bool{
	"archive": true, "arena": true, "bufio": true, "bytes": true, "cmp": true, "compress": true, "container": true,
	"context": true, "crypto": true, "database": true, "debug": true, "embed": true, "encoding": true, "errors": true,
	"expvar": true, "flag": true, "fmt": true, "go": true, "hash": true, "html": true, "image": true, "index": true,
	"internal": true, "io": true, "iter": true, "log": true, "maps": true, "math": true, "mime": true, "net": true,
	"os": true, "panic": true, "path": true, "plugin": true, "reflect": true, "regexp": true, "runtime": true,
	"simd": true, "slices": true, "sort": true, "strconv": true, "strings": true, "structs": true, "sync": true,
	"syscall": true, "testing": true, "text": true, "time": true, "unicode": true, "unique": true, "unsafe": true,
	"uuid": true, "vendor": true, "weak": true,
}

var moduleVersion = regexp.MustCompile(`@v\d`)

// outside says whether the frame is outside GOROOT, the module cache and vendor
// directories. GOROOT is not asked for: a file of the standard library is in
// ".../src/net/http/", or with -trimpath in "net/http/", where net/http is the package of
// its function.
func outside(f Frame) bool {
	file := strings.ReplaceAll(f.File, `\`, "/")
	if strings.HasPrefix(file, "<") || strings.HasPrefix(file, "_cgo") {
		return false // generated
	}
	if strings.Contains(file, "/pkg/mod/") || strings.Contains(file, "/vendor/") || moduleVersion.MatchString(file) {
		return false
	}
	name, _, _ := strings.Cut(f.Func, "[")
	slash := strings.LastIndexByte(name, '/') + 1
	elem, _, _ := strings.Cut(name[slash:], ".")
	pkg := name[:slash] + elem
	top, _, _ := strings.Cut(pkg, "/")
	if !standard[top] {
		return true
	}
	if top == "panic" { // the builtin, which lives in the runtime
		pkg = "runtime"
	}
	dir := "/" + file[:strings.LastIndexByte(file, '/')+1]
	if first, _, _ := strings.Cut(file, "/"); standard[first] {
		return false // -trimpath
	}
	return !strings.HasSuffix(dir, "/src/"+pkg+"/") &&
		// The linker renames functions across packages of the runtime.
		!strings.Contains(dir, "/src/runtime/") && !strings.Contains(dir, "/src/internal/")
}

// endsInStack says whether the last thing in text is a line of a stack trace.
func endsInStack(text []byte) bool { return endsInStackLines(splitLines(text)) }

func endsInStackLines(lines []string) bool {
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		if l == "" || exitStatus.MatchString(l) {
			continue
		}
		return i == 0 || // GOTRACEBACK=none
			strings.HasPrefix(l, "\t") ||
			strings.HasPrefix(l, "created by ") ||
			strings.HasPrefix(l, "[signal ") ||
			strings.HasPrefix(l, "...") || // "...23 frames elided..."
			registerLine.MatchString(l)
	}
	return false
}

var registerLine = regexp.MustCompile(`^[a-z]+[0-9a-z]* +0x[0-9a-f]+$`) // after a signal in C code

// parseRace finds the first report of the race detector, if the program ended for it.
func parseRace(text []byte, own func(string) bool) *Panic {
	if !raceEnd.Match(text) {
		return nil
	}
	lines := splitLines(text)
	for i, l := range lines {
		if l != "WARNING: DATA RACE" {
			continue
		}
		p := &Panic{Message: "data race", Stack: strings.TrimRight(strings.Join(lines[i:], "\n"), "\n")}
		// Its frames are indented by two and six spaces, under one heading per access.
		var plain []string
		for _, l := range lines[i+1:] {
			switch {
			case strings.HasPrefix(l, "      "):
				plain = append(plain, "\t"+l[6:])
			case strings.HasPrefix(l, "  "):
				plain = append(plain, l[2:])
			case l == "":
				plain = append(plain, "")
			default:
				plain = append(plain, "goroutine 0 [race]:")
			}
		}
		p.Frame = firstOwn(plain, 0, own, false)
		return p
	}
	return nil
}
