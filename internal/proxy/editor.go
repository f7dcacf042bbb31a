package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

//go:embed client/open.js
var openJS []byte

// openPath is where a click on a place goes if a command opens the editor.
const openPath = "open"

// editorLink is the link of a place for the command: with a sum that only this proxy can make. So it
// opens what was shown as a place, and no file that a page asks for.
func (p *Proxy) editorLink(file string, line, column int) string {
	q := url.Values{"file": {file}, "line": {strconv.Itoa(max(line, 1))}, "column": {strconv.Itoa(max(column, 1))}}
	q.Set("sum", p.placeSum(q))
	return prefix + openPath + "?" + q.Encode()
}

func (p *Proxy) placeSum(q url.Values) string {
	h := hmac.New(sha256.New, p.secret[:])
	fmt.Fprintf(h, "%q %q %q", q.Get("file"), q.Get("line"), q.Get("column"))
	return hex.EncodeToString(h.Sum(nil))
}

// openEditor runs the command for a place that was clicked.
func (p *Proxy) openEditor(w http.ResponseWriter, r *http.Request) {
	if !p.mayChange(w, r, "the editor is opened by a click, which needs JavaScript") {
		return
	}
	q := r.URL.Query()
	file := q.Get("file")
	switch {
	case !hmac.Equal([]byte(q.Get("sum")), []byte(p.placeSum(q))):
		http.Error(w, "hotreload: refused: this place was not shown in this session", http.StatusForbidden)
		return
	case !p.readable(file) || !regular(file):
		http.Error(w, "hotreload: refused: there is no such file in the project", http.StatusForbidden)
		return
	case strings.ContainsFunc(file, misread):
		http.Error(w, "hotreload: refused: an editor could misread the name of this file", http.StatusForbidden)
		return
	}
	replace := strings.NewReplacer("{file}", filepath.Clean(file), "{line}", q.Get("line"), "{column}", q.Get("column"))
	argv := make([]string, len(p.opt.EditorCommand))
	for i, word := range p.opt.EditorCommand {
		argv[i] = replace.Replace(word)
	}
	if err := p.opt.RunEditor(argv); err != nil {
		http.Error(w, "hotreload: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// misread reports whether a character of a name can have a meaning in the commands of an editor
// (vim reads what comes after | as another command), or of a terminal multiplexer.
func misread(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`/\:._-+@, =~()[]{}`, r)
}
