package e2e

import (
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// P18: in a real browser, what goes wrong in the page is in the terminal and in the events, once, with
// the file of the project and the line. proxy.console = false turns it off.
func TestP18Console(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(shownApp)
	files["templates/page.html"] = strings.Replace(files["templates/page.html"], "</body>", "<script src=/static/site.js></script></body>", 1)
	files["static/site.js"] = "// first line\nconsole.error('broken \\u001b[31m', {a: 1});\nmissing();\n"
	w := startProxy(t, files)
	openTab(t, "http://"+w.addr+"/")
	script := filepath.Join(w.dir, "static", "site.js")
	for _, c := range []struct {
		level, text string
		line        int
	}{{"error", "broken \x1b[31m {\"a\":1}", 2}, {"uncaught", "ReferenceError: missing is not defined", 3}} {
		e := w.wait(c.level, func(e ev) bool { return e.Event == "console" })
		if e.str("level") != c.level || e.str("text") != c.text || e.str("file") != script || e.num("line") != c.line || e.Generation != 1 || e.Service == "" {
			t.Errorf("%s", e.line)
		}
	}
	mark := w.mark()
	w.setVersion("two")
	w.wait("it is still there after a save", func(e ev) bool { return e.Event == "console" && e.Generation == 2 && e.num("line") == 3 })
	if n := count(w.since(mark), "console"); n != 2 {
		t.Errorf("%d reports after a save", n)
	}
	for _, want := range []string{"console static/site.js:2: broken ESC[31m {\"a\":1}\n", "console static/site.js:3: uncaught ReferenceError: missing is not defined\n"} {
		until(t, "printed twice: "+want, func() bool {
			return strings.Count(filepath.ToSlash(strings.ReplaceAll(w.err.String(), `\x1b`, "ESC")), want) == 2
		})
	}
	w.rewrite(files[".hotreload.toml"] + "\n[proxy]\nconsole = false\n")
	w.waitFor("live")
	b := openTab(t, "http://"+w.addr+"/")
	b.sees(bodyText, "version two")
	b.sees(`document.documentElement.outerHTML.includes('data-console')`, "false")
	b.sees(`(fetch('/__hotreload/console', {method: 'POST', body: '[]'}).then(r => window.answered = r.status >= 400), window.answered)`, "true")
	w.stop(syscall.SIGTERM)
}
