package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// templVersion is the version of templ that its development mode was read in.
const templVersion = "v0.3.1100"

// templProject is a site with a page of templ. Without templ, the test is skipped.
func templProject(t *testing.T) (dir, templ string) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs templ")
	}
	bin := t.TempDir()
	run := func(dir, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+bin, "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("no templ %s here: %s %s: %v\n%s", templVersion, name, strings.Join(args, " "), err, out)
		}
	}
	run(bin, "go", "install", "github.com/a-h/templ/cmd/templ@"+templVersion)
	templ = filepath.Join(bin, "templ"+exe)
	dir = newApp(t, map[string]string{
		"go.mod":     "module example.test/site\n\ngo 1.26\n\nrequire github.com/a-h/templ " + templVersion + "\n",
		"page.templ": "package main\n\ntempl page(name string) {\n\t<p>first text</p>\n\t<p>Hello, { name }</p>\n}\n",
		"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/a-h/templ"
)

func main() {
	http.Handle("/", templ.Handler(page("world")))
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
`,
	})
	run(dir, templ, "generate")
	run(dir, "go", "mod", "tidy")
	return dir, templ
}

// While templ generate --watch runs, an edit of a text in a .templ file reloads the browser, and nothing
// is built: the program shows the text at once. status says so, and the next build takes the text in.
// Any other edit is built.
func TestTemplTexts(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir, templ := templProject(t)
	texts, addr := t.TempDir(), testkit.Address(t)
	write(t, filepath.Join(dir, ".hotreload.toml"), fmt.Sprintf(`
[run.env]
TEMPL_DEV_MODE_ROOT = %q

[services.site]
proxy.listen = %q
run.env = { TEMPL_DEV_MODE = "true" }

[services.templ]
run.command = [%q, "generate", "--watch"]
`, texts, addr, templ))
	s := start(t, dir, nil)
	w := &web{session: s, addr: addr}
	live := func(e ev) bool { return e.Event == "live" && e.Service == "site" }
	w.wait("live", live)
	shows := func(text string) {
		t.Helper()
		until(t, "the page shows "+text, func() bool {
			resp, err := http.Get("http://" + addr + "/")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			b := make([]byte, 4096)
			n, _ := resp.Body.Read(b)
			return strings.Contains(string(b[:n]), text)
		})
	}
	shows("first text")
	command := func(args ...string) string { out, _ := hr(t, dir, args...); return out }
	command("wait")

	mark := w.mark()
	w.edit("page.templ", "first text", "second text")
	w.wait("the reload", func(e ev) bool { return e.Event == "reloaded" && e.Service == "site" })
	shows("second text")
	command("wait")
	for _, e := range w.since(mark) {
		switch {
		case e.Service != "site":
		case e.Event == "build_started", e.Event == "started", e.Event == "live":
			t.Errorf("unwanted: %s", e.line)
		case e.Event == "changed" && e.str("effect") != "reload":
			t.Errorf("unwanted: %s", e.line)
		}
	}
	if st := w.status(); !st.Services[0].NewerTexts || st.Services[0].State != "live" {
		t.Errorf("%+v", st.Services[0])
	}
	if out := command("status"); !strings.Contains(out, "site: shows templ texts that are newer than its build") {
		t.Errorf("status: %s", out)
	}

	w.edit("page.templ", "{ name }", "{ name + name }")
	w.wait("live", live)
	shows("second text")
	shows("worldworld")
	if st := w.status(); st.Services[0].NewerTexts {
		t.Errorf("after a build: %+v", st.Services[0])
	}
	// The texts are in the program: it shows them without templ.
	w.edit("page.templ", "second text", "third text")
	w.wait("the reload", func(e ev) bool { return e.Event == "reloaded" && e.Service == "site" })
	w.edit(".hotreload.toml", `TEMPL_DEV_MODE = "true"`, `OTHER = "1"`)
	w.wait("live", live)
	shows("third text")
	w.stop(syscall.SIGTERM)
}
