package proxy

import (
	"github.com/hotreload/hotreload/internal/generated"
	"html"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// span is a stretch of a text; with a link, it is a place in a file of the project.
type span struct {
	Text string `json:"text"`
	Link string `json:"link,omitempty"`
}

// placeInText is file:line or file:line:column.
var placeInText = regexp.MustCompile("(?:\\b[A-Za-z]:)?[^\\s:\"'`<>()\\[\\]{},;|=]+\\.[A-Za-z]\\w{0,9}:\\d+(?::\\d+)?")

// linked finds the places in what a program or a tool has printed. A name that is not known from
// the root is looked for below it: templates are named without their directory.
func (p *Proxy) linked(text string) []span {
	f := finder{p: p}
	var out []span
	at := 0
	for _, m := range placeInText.FindAllStringIndex(text, -1) {
		file, line, column := splitPlace(text[m[0]:m[1]])
		link := f.link(file, line, column)
		if link == "" {
			continue
		}
		if m[0] > at {
			out = append(out, span{Text: text[at:m[0]]})
		}
		out = append(out, span{text[m[0]:m[1]], link})
		at = m[1]
	}
	if at < len(text) {
		out = append(out, span{Text: text[at:]})
	}
	return out
}

// markup is the text as HTML.
func (p *Proxy) markup(text string) string {
	var b strings.Builder
	for _, s := range p.linked(text) {
		if s.Link == "" {
			b.WriteString(html.EscapeString(s.Text))
			continue
		}
		b.WriteString(`<a href="` + html.EscapeString(s.Link) + `">` + html.EscapeString(s.Text) + "</a>")
	}
	return b.String()
}

// splitPlace takes file:line or file:line:column apart.
func splitPlace(s string) (file string, line, column int) {
	i := strings.LastIndexByte(s, ':')
	last, _ := strconv.Atoi(s[i+1:])
	file = s[:i]
	if j := strings.LastIndexByte(file, ':'); j > 0 {
		if n, err := strconv.Atoi(file[j+1:]); err == nil {
			return file[:j], n, last
		}
	}
	return file, last, 0
}

// finder finds the files that one text names.
type finder struct {
	p     *Proxy
	below map[string]string // by base name: the only file of that name below the root; "" if there are several
}

// link is what opens the place in an editor; empty if there is no such file in the project.
func (f *finder) link(file string, line, column int) string {
	path := f.path(file)
	if path == "" {
		return ""
	}
	if source, at, col, ok := generated.Source(path, line); ok {
		path, line, column = source, at, col
	}
	return f.p.link(path, line, column)
}

// path is the file of that name; empty if there is none, or if it could be several.
func (f *finder) path(name string) string {
	path := filepath.FromSlash(name)
	if !filepath.IsAbs(path) {
		if !filepath.IsLocal(path) {
			return ""
		}
		path = filepath.Join(f.p.opt.Dir, path)
	}
	if f.p.known(path) && regular(path) {
		return path
	}
	if filepath.IsAbs(name) {
		return ""
	}
	f.search()
	path = f.below[filepath.Base(name)]
	if !strings.HasSuffix(filepath.ToSlash(path), "/"+filepath.ToSlash(name)) {
		return ""
	}
	return path
}

func regular(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

// search lists the files of the project once, up to a number that keeps an answer quick.
func (f *finder) search() {
	const most = 20000
	if f.below != nil || f.p.opt.Dir == "" {
		return
	}
	f.below = map[string]string{}
	seen := 0
	_ = filepath.WalkDir(f.p.opt.Dir, func(path string, d fs.DirEntry, err error) error {
		if seen++; seen > most {
			return filepath.SkipAll
		}
		name := ""
		if d != nil {
			name = d.Name()
		}
		switch {
		case err != nil:
			return filepath.SkipDir
		case d.IsDir():
			if path != f.p.opt.Dir && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor") {
				return filepath.SkipDir
			}
		case d.Type().IsRegular():
			if _, twice := f.below[name]; twice {
				path = ""
			}
			f.below[name] = path
		}
		return nil
	})
}

// textPage is a text as a page, made while it is read: so a text that comes slowly is shown as it
// comes, and one without end is not kept.
type textPage struct {
	p    *Proxy
	src  io.Reader
	rest []byte // of the text: a line whose end is not there yet
	out  strings.Reader
	err  error // after out
	buf  [4 << 10]byte
}

// maxLine is how much of a line is waited for.
const maxLine = 64 << 10

func (t *textPage) Read(b []byte) (int, error) {
	for t.out.Len() == 0 {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.src.Read(t.buf[:])
		t.rest = append(t.rest, t.buf[:n]...)
		end := strings.LastIndexByte(string(t.rest), '\n') + 1
		if err != nil || len(t.rest) > maxLine {
			end = len(t.rest)
		}
		text := t.p.markup(string(t.rest[:end]))
		t.rest = append(t.rest[:0], t.rest[end:]...)
		if err == io.EOF {
			text += "</pre>\n</body>\n</html>\n"
		}
		t.out.Reset(text)
		t.err = err
	}
	return t.out.Read(b)
}
