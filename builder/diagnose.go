package builder

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/generated"
)

const (
	maxDiagnostics = 100      // more than a person reads; the compiler stops at 10 per package. One more is kept to know that there are more
	maxMore        = 16 << 10 // of Diagnostic.More
	maxFrames      = 30       // diagnostics that get a code frame
	maxSource      = 4 << 20  // larger files get no frame: they are generated
	maxSourceLine  = 400      // bytes of a line in a frame: minified text
	frameLines     = 2        // before and after
)

// diagnoser gathers the diagnostics of one command.
type diagnoser struct {
	dir     string
	golang  bool // the go command: what it prints on failure is about the failure
	parsers []*parser
	streams []*lines
}

func newDiagnoser(dir string, golang bool) *diagnoser { return &diagnoser{dir: dir, golang: golang} }

// stream returns the writer for the text about one package; "" is for text that names
// its packages by header lines.
func (d *diagnoser) stream(pkg string) *lines {
	for i, p := range d.parsers {
		if p.stream == pkg {
			return d.streams[i]
		}
	}
	p := &parser{dir: d.dir, golang: d.golang, stream: pkg, pkg: importPath(pkg)}
	l := &lines{emit: p.line}
	d.parsers = append(d.parsers, p)
	d.streams = append(d.streams, l)
	return l
}

// found returns what was found, in the order of appearance of the packages.
func (d *diagnoser) found() []Diagnostic {
	var all []Diagnostic
	for i, p := range d.parsers {
		d.streams[i].flush()
		all = append(all, p.finish()...)
	}
	// The place may come later than the complaint: "go: errors parsing go.mod:" and then
	// the lines. With a place, the headline says nothing more.
	if slices.ContainsFunc(all, func(x Diagnostic) bool { return x.File != "" }) {
		all = slices.DeleteFunc(all, func(x Diagnostic) bool {
			return x.File == "" && x.More == "" && strings.HasPrefix(x.Message, "errors parsing ")
		})
	}
	return all[:min(len(all), maxDiagnostics)]
}

// truncated reports whether a tool has stopped at its limit, or the list at ours.
func (d *diagnoser) truncated() bool {
	n := 0
	for _, p := range d.parsers {
		if p.truncated {
			return true
		}
		n += len(p.list)
	}
	return n > maxDiagnostics
}

// parser understands the output of one tool, line by line.
type parser struct {
	dir       string
	golang    bool
	stream    string
	pkg       string // of what follows
	section   bool   // below a "# package" line: all is the compiler's or the linker's
	linking   bool   // the message of an external linker: places in it are in objects
	sink      bool   // what continues is of no interest (a warning)
	truncated bool
	list      []Diagnostic
	open      bool // the last of list may continue
}

// patterns are compiled at the first failure, not at start-up.
var patterns = sync.OnceValue(func() (p struct{ header, position, drive, maker, progress, surround, undefined, templ *regexp.Regexp }) {
	p.header = regexp.MustCompile(`^# (\S+)(?: \[[^\]]*\])?$`)
	// The name ends at an extension, so that one with spaces or colons is whole.
	p.position = regexp.MustCompile(`^(.*?(?:\.[A-Za-z_][\w+-]*|[Mm]akefile)):(\d+)(?::(\d+))?(?:[.-]\d+(?:[.:]\d+)?)?: (.*)$`)
	p.drive = regexp.MustCompile(`^[A-Za-z]:[\\/]`)
	p.maker = regexp.MustCompile(`^g?make(\[\d+\])?: `)
	// What the go command reports about its work.
	p.progress = regexp.MustCompile(`^go: (downloading|finding|extracting|found|added|upgraded|downgraded|removed|warning:|creating new|to add module|copying) ?`)
	// What precedes a message with a place, or closes one, and adds nothing.
	p.surround = regexp.MustCompile(`^(In file included from |.*: In function .*:$|.*: At top level:$|compilation terminated\.$|asm: assembly of .* failed$|exit status \d+$|collect2: error: )`)
	// The line of an external linker's message that says what is wrong.
	p.undefined = regexp.MustCompile(`undefined (?:reference|symbol)|cannot find |multiple definition|duplicate symbol|ymbol\(s\) not found|signal: |error: `)
	// A template that `templ generate` cannot read.
	p.templ = regexp.MustCompile(`(?:^|: )([^:]+(?::\\[^:]+)?\.templ) parsing error: (.+): line (\d+), col (\d+)\b`)
	return p
})

// importPath cuts the variant off "example.com/a [example.com/a.test]".
func importPath(s string) string {
	s, _, _ = strings.Cut(s, " ")
	return s
}

func (p *parser) line(s string) {
	if len(p.list) > maxDiagnostics || strings.TrimSpace(s) == "" {
		return
	}
	if m := patterns().header.FindStringSubmatch(s); m != nil {
		p.pkg, p.section = m[1], true
		p.linking, p.sink, p.open = false, false, false
		return
	}
	if patterns().maker.MatchString(s) {
		p.pkg, p.section = importPath(p.stream), false
		p.open, p.sink = false, true
		return
	}
	if s[0] == '\t' || s[0] == ' ' {
		switch {
		case p.open:
			p.more(s)
		case p.golang && !p.sink:
			p.add(Diagnostic{Message: strings.TrimSpace(s)})
		}
		return
	}
	if p.linking {
		p.more(s)
		return
	}
	if d, ok := p.positioned(s); ok {
		p.place(d, s)
		return
	}
	if m := patterns().templ.FindStringSubmatch(s); m != nil {
		line, _ := strconv.Atoi(m[3])
		column, _ := strconv.Atoi(m[4]) // templ counts columns from 0
		p.add(Diagnostic{File: p.resolve(m[1]), Line: line, Column: column + 1, Message: m[2]})
		return
	}
	p.plain(s)
}

// positioned takes "file:line:column: message" apart. What some tools put in front
// ("vet: ", "go: ") is dropped.
func (p *parser) positioned(s string) (Diagnostic, bool) {
	m := patterns().position.FindStringSubmatch(s)
	if m == nil || strings.TrimSpace(m[4]) == "" {
		return Diagnostic{}, false
	}
	file := m[1]
	if i := strings.LastIndex(file, ": "); i >= 0 {
		file = file[i+2:]
	}
	line, err := strconv.Atoi(m[2])
	if file == "" || err != nil || strings.HasPrefix(file, "$WORK") {
		return Diagnostic{}, false
	}
	column, _ := strconv.Atoi(m[3])
	return Diagnostic{File: p.resolve(file), Line: line, Column: column, Message: strings.TrimSpace(m[4])}, true
}

// resolve makes a name absolute. A name with a drive letter is absolute on any system,
// so the tests of Windows paths run everywhere.
func (p *parser) resolve(file string) string {
	if filepath.IsAbs(file) || patterns().drive.MatchString(file) {
		return file
	}
	return filepath.Join(p.dir, filepath.FromSlash(file))
}

func (p *parser) place(d Diagnostic, s string) {
	switch {
	case d.Message == "too many errors":
		p.truncated = true
		p.open, p.sink = false, true
	case strings.HasPrefix(d.Message, "warning: "):
		p.open, p.sink = false, true
	case strings.HasPrefix(d.Message, "note: ") && p.open:
		p.more(s)
	case strings.HasPrefix(d.Message, "note: "):
		p.sink = true // about what was of no interest
	default:
		p.add(d)
	}
}

// plain is a line without a place.
func (p *parser) plain(s string) {
	switch {
	case patterns().progress.MatchString(s), patterns().surround.MatchString(s):
		p.open, p.sink = false, true
		return
	case s == "too many errors":
		p.truncated = true
		return
	}
	if p.section {
		if p.open {
			p.more(s)
			return
		}
		p.linking = strings.Contains(s, "link: running ") && strings.Contains(s, " failed: ")
		p.add(Diagnostic{Message: s})
		return
	}
	if rest, ok := strings.CutPrefix(s, "go: "); ok {
		p.add(Diagnostic{Message: rest})
		return
	}
	switch {
	case !p.golang:
		p.open, p.sink = false, true
	case p.open && p.list[len(p.list)-1].File == "" && !strings.HasPrefix(s, "package "):
		p.more(s)
	default:
		p.add(Diagnostic{Message: s})
	}
}

func (p *parser) add(d Diagnostic) {
	if d.Message = strings.TrimSpace(d.Message); d.Message == "" {
		p.open, p.sink = false, true
		return
	}
	p.open, p.sink = true, false
	d.Package = p.pkg
	p.list = append(p.list, d)
}

func (p *parser) more(s string) {
	if len(p.list) == 0 {
		return
	}
	d := &p.list[len(p.list)-1]
	if len(d.More)+len(s) > maxMore {
		return
	}
	if d.More != "" {
		d.More += "\n"
	}
	d.More += s
}

// finish makes headlines of what the tools say last.
func (p *parser) finish() []Diagnostic {
	for i := range p.list {
		d := &p.list[i]
		switch {
		case strings.Contains(d.Message, "link: running "):
			for line := range strings.Lines(d.More) {
				line = strings.TrimSpace(line)
				if patterns().undefined.MatchString(line) && !strings.Contains(line, "$WORK") {
					if j := strings.Index(line, "undefined "); j > 0 {
						line = line[j:] // before it is a place in an object file
					}
					d.More = d.Message + "\n" + d.More
					d.Message = line
					break
				}
			}
		case strings.HasPrefix(d.Message, "package ") && strings.HasPrefix(d.More, "\timports "):
			// The chain of imports, of which the last says what is wrong:
			// "\timports example.com/a from b.go: import cycle not allowed"
			last := d.More[strings.LastIndexByte(d.More, '\n')+1:]
			if j := strings.LastIndex(last, ": "); j >= 0 && strings.TrimSpace(last[j+2:]) != "" {
				d.More = d.Message + "\n" + d.More
				d.Message = strings.TrimSpace(last[j+2:])
			}
		}
	}
	return p.list
}

// toSource moves a diagnostic of generated code to its source, and names the place in the code as well.
// The column is that of the code.
func (d *Diagnostic) toSource() {
	source, line, _, ok := generated.Source(d.File, d.Line)
	if !ok {
		return
	}
	more := fmt.Sprintf("\tgenerated code: %s:%d:%d", filepath.Base(d.File), d.Line, d.Column)
	if d.More != "" {
		more += "\n" + d.More
	}
	d.File, d.Line, d.Column, d.More = source, line, 0, more
}

// frames adds the code around the diagnostics' lines, and drops those of a user's command
// whose file does not exist: "12:30:05: started" is no place.
func frames(list []Diagnostic, golang bool) []Diagnostic {
	files := make(map[string][]string)
	n := 0
	out := list[:0]
	for _, d := range list {
		if d.File != "" {
			d.toSource()
			st, err := os.Stat(d.File)
			exists := err == nil && st.Mode().IsRegular()
			if !exists && !golang && d.Package == "" {
				continue
			}
			if exists && d.Line > 0 && n < maxFrames {
				if _, ok := files[d.File]; !ok {
					files[d.File] = sourceLines(d.File, st)
				}
				d.Frame = frame(files[d.File], d.Line)
				n++
			}
		}
		out = append(out, d)
	}
	return out
}

func sourceLines(path string, st fs.FileInfo) []string {
	if st.Size() > maxSource {
		return nil
	}
	text, err := files.ReadShared(path)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func frame(source []string, line int) []SourceLine {
	if line > len(source) {
		return nil // the file has changed since
	}
	var out []SourceLine
	for n := max(1, line-frameLines); n <= min(len(source), line+frameLines); n++ {
		text := strings.TrimSuffix(source[n-1], "\r")
		if len(text) > maxSourceLine {
			text = strings.ToValidUTF8(text[:maxSourceLine], "") + "..."
		}
		out = append(out, SourceLine{Number: n, Text: text})
	}
	return out
}
