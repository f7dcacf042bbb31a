package relevance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/plan"
)

// In its development mode (TEMPL_DEV_MODE), a program takes the texts between the expressions of its
// templates from files that `templ generate --watch` writes, each time that it renders one. So an edit
// that changes nothing else needs no build. Two things have to be certain: that the code differs in
// texts alone, and that the program that runs finds the new ones.

// templSuffix is how the names of the files end that templ generates.
const templSuffix = "_templ.go"

// templCode is the code of a generated file, and its texts.
type templCode struct {
	sum   [sha256.Size]byte // of all but the texts, and the positions for messages
	texts []string          // as they are between quotes in the code
}

const (
	templRuntime = `"github.com/a-h/templ/runtime"`
	templWriter  = "templruntime"
)

// readTempl takes a generated file apart; false if it is none that this is known of.
func readTempl(src []byte) (c templCode, ok bool) {
	list, ok := tokens(src)
	if !ok {
		return c, false
	}
	h := sha256.New()
	imported := false
	for i, t := range list {
		text := t.text
		switch {
		case t.is(token.STRING, templRuntime):
			imported = imported || i > 0 && list[i-1].is(token.IDENT, templWriter)
		case t.kind == token.STRING && writesText(list[:i]):
			if n, err := strconv.Atoi(list[i-2].text); err != nil || n != len(c.texts)+1 || len(text) < 2 || text[0] != '"' {
				return c, false
			}
			c.texts = append(c.texts, text[1:len(text)-1])
			text = ""
		case t.kind == token.INT && i > 1 && list[i-1].kind == token.COLON && (list[i-2].is(token.IDENT, "Line") || list[i-2].is(token.IDENT, "Col")):
			text = "" // where an expression is in the .templ file, for errors
		}
		h.Write([]byte(strconv.Itoa(int(t.kind)) + strconv.Quote(text)))
	}
	h.Sum(c.sum[:0])
	return c, imported && len(c.texts) > 0
}

// goToken is a token of Go, or a comment.
type goToken struct {
	kind token.Token
	text string
}

func (t goToken) is(kind token.Token, text string) bool { return t.kind == kind && t.text == text }

// tokens are those of a file; false if it cannot be Go.
func tokens(src []byte) (list []goToken, ok bool) {
	var s scanner.Scanner
	failed := false
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, func(token.Position, string) { failed = true }, scanner.ScanComments)
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return list, !failed
		}
		list = append(list, goToken{kind, text})
	}
}

// writesText reports whether the next token is the text in templruntime.WriteString(w, 7, "text").
func writesText(before []goToken) bool {
	n := len(before)
	return n >= 8 && before[n-1].kind == token.COMMA && before[n-2].kind == token.INT && before[n-3].kind == token.COMMA &&
		before[n-4].kind == token.IDENT && before[n-5].kind == token.LPAREN && before[n-6].is(token.IDENT, "WriteString") &&
		before[n-7].kind == token.PERIOD && before[n-8].is(token.IDENT, templWriter)
}

// learnTempl notes what a generated file is, when a program was built from it.
func (m *memory) learnTempl(path string) {
	if !strings.HasSuffix(path, templSuffix) {
		return
	}
	m.mu.Lock()
	_, known := m.templ[path]
	m.mu.Unlock()
	if known {
		return
	}
	src, err := os.ReadFile(path)
	if c, ok := readTempl(src); err == nil && ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		if _, known := m.templ[path]; !known {
			m.templ[path] = c.sum
		}
	}
}

// newTexts are the texts of a generated file that has changed; nil if more than texts may have
// changed since it was seen last.
func (m *memory) newTexts(path string) []string {
	if !strings.HasSuffix(path, templSuffix) {
		return nil
	}
	src, err := os.ReadFile(path)
	c, ok := readTempl(src)
	m.mu.Lock()
	defer m.mu.Unlock()
	was, known := m.templ[path]
	if err != nil || !ok {
		// What comes next has to be built, whatever it is: this one has to be.
		delete(m.templ, path)
		return nil
	}
	m.templ[path] = c.sum
	if !known || was != c.sum {
		return nil
	}
	return c.texts
}

// developsTempl reports whether the program that runs takes its texts from files.
func (s *Subject) developsTempl() bool {
	return s.given("TEMPL_DEV_MODE") == "true" && s.runsWithThis()
}

// waitsForTexts are the services to which a generated file may mean new texts only. templ writes
// the texts after the code, so this is known a moment later.
func (j *Judge) waitsForTexts(path string) (of []*Subject) {
	if strings.HasSuffix(path, templSuffix) {
		for _, s := range j.all() {
			if s.developsTempl() && j.effect(s, path).Input {
				of = append(of, s)
			}
		}
	}
	return of
}

// textsCache is for how long a program may still show the texts from before: it reads the file at most
// once in 100 ms. The rest is for clocks of file times that tick slowly.
const textsCache = 110 * time.Millisecond

// onlyTexts is the effect of a change of texts, instead of a build. templ writes the code, then the texts,
// and both are there when the burst closes. If they are not, a build is right too. They are not waited for:
// their file is in the directory for temporary files, where a watch would see what all others do.
func (s *Subject) onlyTexts(e plan.Effect, path string, texts []string) plan.Effect {
	if texts == nil || e.Kind != plan.Rebuild || e.Rule != plan.NoRule || !s.developsTempl() {
		return e
	}
	file, ok := s.textFile(path)
	if !ok {
		return e
	}
	written, ok := hasTexts(file, texts)
	if !ok {
		return e
	}
	return plan.Effect{
		Kind: plan.Reload, Rule: plan.NoRule, Texts: true, After: min(textsCache, time.Until(written.Add(textsCache))),
		Why: "only templ texts have changed, which the program reads from files",
	}
}

// textFile is where the program looks for the texts of a generated file; false if it does not.
func (s *Subject) textFile(path string) (string, bool) {
	code, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", false
	}
	if root := s.given("TEMPL_DEV_MODE_WATCH_ROOT"); root != "" {
		if root, err = filepath.EvalSymlinks(root); err != nil || !strings.HasPrefix(code, root) {
			return "", false
		}
	}
	sum := sha256.Sum256([]byte(templName(strings.TrimSuffix(code, templSuffix) + ".templ")))
	dir := cmp.Or(s.given("TEMPL_DEV_MODE_ROOT"), s.given("TMPDIR"), os.TempDir())
	return filepath.Join(dir, "templ_"+hex.EncodeToString(sum[:])+".txt"), true
}

// templName is how templ names a file of any system: C:\a\b is /c/a/b.
func templName(path string) string {
	path = strings.ReplaceAll(path, `\`, "/")
	if drive, rest, ok := strings.Cut(path, ":"); ok && len(drive) == 1 {
		return "/" + strings.ToLower(drive) + rest
	}
	return path
}

// hasTexts reports whether a file has these texts, one on each line, and when it was written.
func hasTexts(file string, texts []string) (written time.Time, ok bool) {
	fi, err := os.Stat(file)
	if err != nil || !fi.Mode().IsRegular() {
		return written, false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return written, false
	}
	lines := strings.Split(string(data), "\n")
	return fi.ModTime(), slices.EqualFunc(lines, texts, func(line, text string) bool {
		a, err := strconv.Unquote(`"` + line + `"`)
		b, err2 := strconv.Unquote(`"` + text + `"`)
		return err == nil && err2 == nil && a == b
	})
}
