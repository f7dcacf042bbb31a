package places

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// signed is the link of a place for the command: with a sum that only this Project can make.
func (p Project) signed(file string, line, column int) string {
	q := url.Values{"file": {file}, "line": {strconv.Itoa(max(line, 1))}, "column": {strconv.Itoa(max(column, 1))}}
	q.Set("sum", p.sum(q))
	return p.Open + "?" + q.Encode()
}

func (p Project) sum(q url.Values) string {
	h := hmac.New(sha256.New, p.Secret[:])
	fmt.Fprintf(h, "%q %q %q %q", p.Open, q.Get("file"), q.Get("line"), q.Get("column"))
	return hex.EncodeToString(h.Sum(nil))
}

// ServeOpen runs the command for a place that was clicked. The caller has checked who asks.
func (p Project) ServeOpen(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	file := q.Get("file")
	switch {
	case p.Command == nil || !hmac.Equal([]byte(q.Get("sum")), []byte(p.sum(q))):
		http.Error(w, "hotreload: refused: this place was not shown in this session", http.StatusForbidden)
		return
	case !p.Readable(file) || !regular(file):
		http.Error(w, "hotreload: refused: there is no such file in the project", http.StatusForbidden)
		return
	case strings.ContainsFunc(file, misread):
		http.Error(w, "hotreload: refused: an editor could misread the name of this file", http.StatusForbidden)
		return
	}
	replace := strings.NewReplacer("{file}", filepath.Clean(file), "{line}", q.Get("line"), "{column}", q.Get("column"))
	argv := make([]string, len(p.Command))
	for i, word := range p.Command {
		argv[i] = replace.Replace(word)
	}
	if err := p.Run(argv); err != nil {
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
