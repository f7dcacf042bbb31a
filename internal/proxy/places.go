package proxy

import (
	"html"
	"io"
	"strings"

	"github.com/hotreload/hotreload/internal/places"
)

// project is the code that the places of the proxy's pages lead to.
func (p *Proxy) project() places.Project {
	o := p.opt
	return places.Project{
		Dir: o.Dir, Roots: o.Roots, Editor: o.Editor, Command: o.EditorCommand, Run: o.RunEditor,
		Open: prefix + openPath, Secret: p.secret,
	}
}

// markup is the text as HTML, with links.
func (p *Proxy) markup(text string) string {
	var b strings.Builder
	for _, s := range p.project().Linked(text) {
		if s.Link == "" {
			b.WriteString(html.EscapeString(s.Text))
			continue
		}
		b.WriteString(`<a href="` + html.EscapeString(s.Link) + `">` + html.EscapeString(s.Text) + "</a>")
	}
	return b.String()
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
