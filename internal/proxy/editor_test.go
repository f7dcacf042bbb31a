package proxy

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hotreload/hotreload/internal/event"
)

// opened are the commands that were run.
type opened struct {
	mu   sync.Mutex
	list [][]string
	err  error
}

func (o *opened) run(argv []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, argv)
	return o.err
}

func (o *opened) all() [][]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.list)
}

var zed = []string{"zed", "{file}:{line}:{column}", "+{line}"}

// P4: in a real browser, a click on the place of an error runs the command of proxy.editor, once. If it
// cannot be started, the page says so.
func TestEditorInChromium(t *testing.T) {
	chromium := startBrowser(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "a b.go")
	if err := os.WriteFile(file, []byte("package a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var o opened
	s := newSite(map[string]string{"/": "<!doctype html><title>x</title><body>x"})
	r, _ := startLive(t, Options{Inject: true, Dir: dir, EditorCommand: zed, RunEditor: o.run}, s)
	v := open(t, chromium, r.URL())
	r.save()
	r.emit(event.BuildFinished{OK: false, Diagnostics: []event.Diagnostic{{File: file, Line: 1, Column: 9, Message: "undefined: x"}}})
	v.until(overlay+".includes('undefined: x')", "true")
	const link = `document.querySelector('hotreload-overlay').shadowRoot.querySelector('.where a')`
	v.js("addEventListener('click', e => window.stays = e.defaultPrevented)")
	v.js(link + ".click()")
	want := [][]string{{"zed", file + ":1:9", "+1"}}
	eventually(t, "the command was run", func() bool { return slices.EqualFunc(o.all(), want, slices.Equal) })
	o.mu.Lock()
	o.err = errors.New("proxy.editor: no zed")
	o.mu.Unlock()
	v.js(link + ".click()")
	v.until(link+".textContent.endsWith(' (not opened)') && "+link+".title.includes('no zed')", "true")
	v.until("window.stays", "true") // the link is not followed
	v.quiet()
}

// P4: in a real browser, a link to the editor is followed.
func TestEditorLinkInChromium(t *testing.T) {
	chromium := startBrowser(t)
	var asked atomic.Pointer[string]
	editor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(new(r.URL.RequestURI()))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(editor.Close)
	r, _ := startLive(t, Options{Inject: true, Editor: editor.URL + "/open{file}:{line}"}, newSite(map[string]string{"/": "<!doctype html><title>x</title><body>x"}))
	v := open(t, chromium, r.URL())
	r.save()
	r.emit(event.BuildFinished{OK: false, Diagnostics: []event.Diagnostic{{File: "/src/a.go", Line: 3, Message: "undefined: x"}}})
	v.until(overlay+".includes('undefined: x')", "true")
	v.js(`document.querySelector('hotreload-overlay').shadowRoot.querySelector('.where a').click()`)
	eventually(t, "the editor was asked", func() bool { uri := asked.Load(); return uri != nil && *uri == "/open/src/a.go:3" })
	v.quiet()
}

// U4: nothing but a place that was shown is opened, and only for our own page.
func TestEditorAttacks(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.go")
	write := func(name string) string {
		t.Helper()
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if err := os.WriteFile(name, []byte("package a\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good, vim, gone := write("a.go"), write("x|!rm.go"), write("gone.go")
	write(outside)
	linked := filepath.Join(dir, "linked.go")
	if err := errors.Join(os.Symlink(outside, linked), os.Remove(gone)); err != nil {
		t.Fatal(err)
	}
	var o opened
	r, _ := startLive(t, Options{Inject: true, Dir: dir, EditorCommand: zed, RunEditor: o.run}, says("x"))
	own := []string{"Origin", r.URL()}
	forged := r.project() // signs what is never shown
	forged.Dir = filepath.VolumeName(dir) + string(filepath.Separator)
	link := r.project().Link(good, 3, 4)
	for name, c := range map[string]struct {
		method, link string
		header       []string
		code         int
	}{
		"GET":              {"GET", link, own, 405},
		"no Origin":        {"POST", link, nil, 403},
		"foreign Origin":   {"POST", link, []string{"Origin", "http://evil.test"}, 403},
		"rebound name":     {"POST", link, []string{"Host", "evil.test", "Origin", "http://evil.test"}, 403},
		"another site":     {"POST", link, append([]string{"Sec-Fetch-Site", "cross-site"}, own...), 403},
		"no sum":           {"POST", prefix + "open?file=" + good, own, 403},
		"another line":     {"POST", strings.Replace(link, "line=3", "line=5", 1), own, 403},
		"another file":     {"POST", strings.Replace(link, "a.go", "b.go", 1), own, 403},
		"another session":  {"POST", (&Proxy{opt: r.opt}).project().Link(good, 3, 4), own, 403},
		"a link outside":   {"POST", forged.Link(linked, 1, 1), own, 403},
		"outside":          {"POST", forged.Link(outside, 1, 1), own, 403},
		"not a file":       {"POST", forged.Link(dir, 1, 1), own, 403},
		"gone":             {"POST", forged.Link(gone, 1, 1), own, 403},
		"a command of vim": {"POST", r.project().Link(vim, 1, 1), own, 403},
	} {
		a, err := r.do(c.method, c.link, "", c.header...)
		if err != nil || a.StatusCode != c.code {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	if len(o.all()) != 0 {
		t.Fatalf("ran %q", o.all())
	}
	if l := r.project().Link(outside, 1, 1); l != "" {
		t.Errorf("a file outside is a link: %s", l)
	}
	a, err := r.do("POST", link, "", own...)
	if want := [][]string{{"zed", good + ":3:4", "+3"}}; err != nil || a.StatusCode != http.StatusNoContent || !slices.EqualFunc(o.all(), want, slices.Equal) {
		t.Errorf("%v, %v: ran %q", a, err, o.all())
	}
}
