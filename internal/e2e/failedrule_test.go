package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// L15: while the command of a rule has failed for the last save, nothing is live, whatever the
// rule's effect: wait gives 1 with the command's output, and status says it. What makes up for it
// is the command, when it succeeds.
func TestL15FailedCommand(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, effect := range []string{"restart", "reload", "signal", "none", "rebuild"} {
		t.Run(effect, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(webApp)
			files["page.templ"] = "good\n"
			files[".hotreload.toml"] = fmt.Sprintf("[[rules]]\npaths = [\"page.templ\"]\neffect = %q\ncommand = %s\n", effect, inShell("contains page.templ|good|no good"))
			if effect == "signal" {
				files[".hotreload.toml"] += "signal = \"SIGHUP\"\n"
			}
			w := startWeb(t, newApp(t, files), nil)
			page := filepath.Join(w.dir, "page.templ")
			failed := func() {
				t.Helper()
				out, code := hr(t, w.dir, "wait")
				if code != 1 || !strings.Contains(out, "web: failed") || !strings.Contains(out, "no good") {
					t.Errorf("wait: %d: %s", code, out)
				}
				if st := w.status().Services[0]; st.State != "failed" || !st.Stale || !strings.Contains(st.Output, "no good") {
					t.Errorf("status: %+v", st)
				}
			}
			for i := range 2 {
				write(t, page, fmt.Sprintln("bad", i))
				failed()
			}
			write(t, page, "good again\n")
			w.succeed(0, "wait")
			// A save that comes to nothing else makes up for nothing.
			write(t, page, "bad 3\n")
			failed()
			w.edit("version.go", "const", "// A comment.\nconst")
			w.edit("version.go", "// A comment.\n", "")
			if effect != "rebuild" {
				failed()
			}
			write(t, page, "good for now\n")
			w.succeed(0, "wait")
			// Who starts the program nevertheless has what is there.
			write(t, page, "bad 4\n")
			failed()
			if effect != "rebuild" {
				w.succeed(0, "restart")
			} else {
				w.succeed(0, "rebuild")
			}
			w.succeed(0, "wait")
		})
	}
}
