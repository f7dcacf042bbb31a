//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode"

	"github.com/hotreload/hotreload/internal/testkit"
)

var styles = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onlyGlyphs fails for text of hotreload that a terminal would take for more than glyphs.
func onlyGlyphs(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.ContainsFunc(line, func(r rune) bool {
			return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
		}) {
			t.Errorf("%s: %q", what, line)
		}
		if strings.HasPrefix(line, "FORGED") {
			t.Errorf("%s: a line of another: %q", what, line)
		}
	}
}

// evil would set a title, fill the clipboard, clear the screen, turn the text and forge a line.
const evil = "\x1b]0;t\a\x1b]52;c;aGk=\a\u009b2J\u202e\u200b\r\nFORGED \x9b2J"

// What others have written reaches the terminal as glyphs alone, in the lines of a session and
// of every command; what the program prints is not touched.
func TestForeignText(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "s\u202e\x1b[2J\u0085")
	made := newApp(t, script(`
	fmt.Println("raw \x1b[1m\xff\u202e")
	time.Sleep(time.Hour)
`, "fmt", "time"))
	if err := os.Rename(made, dir); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".hotreload.toml"), `
[run]
env = { X = "\u001b]0;t\u0007\u0085\u202e" }
[[rules]]
paths = ["*.x", "\u202e\u0085*.y"]
effect = "none"
command = ["false", "\u001b[2J\nFORGED"]
`)
	raw := "raw \x1b[1m\xff\u202e"
	for _, how := range [][]string{{"-v", "--color", "always"}, {"-v", "--color", "never"}, {"-v", "--log", "json"}} {
		t.Run(how[len(how)-1], func(t *testing.T) {
			s := start(t, dir, how)
			s.waitFor("live")
			write(t, filepath.Join(dir, "a"+evil+".txt"), how[2])
			write(t, filepath.Join(dir, "b"+evil+".x"), how[2])
			s.wait("the rule", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
			good := read(t, filepath.Join(dir, "main.go"))
			write(t, filepath.Join(dir, "main.go"), strings.Replace(good, "time.Sleep(time.Hour)", "_ = `\u009b2J\x1b\u202e` + undefined // \x1b]0;t\a", 1))
			s.wait("the failure", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
			for _, args := range [][]string{
				{"status"}, {"status", "--json"}, {"wait"}, {"wait", "--json"}, {"wait", evil}, {"status", evil}, {"why", "a" + evil + ".txt"}, {"why", "--json", evil + ".go"},
				{"check"}, {"check", "--json"}, {"doctor"}, {"doctor", "--json"}, {"run", "--" + evil}, {evil}, {"run", evil}, {"run", "-C", evil}, {"run", "--set", "x=" + evil},
				{"run", "--set", evil}, {"run", "-c", evil}, {"run", "--events", "/" + evil + "/x"}, {"run", "--color", evil}, {"init"}, {"init", "--from", evil}, {"run"}, {"completion", evil}, {"help", evil},
			} {
				a := ask(t, dir, args...)
				onlyGlyphs(t, fmt.Sprintf("%q", args), strings.ReplaceAll(a.out+a.err, "\t", " ")) // usage has tabs
			}
			write(t, filepath.Join(dir, "main.go"), good)
			s.wait("undone", func(e ev) bool { return e.Event == "changed" && e.str("why") == "same as the running program" })
			s.stop(syscall.SIGTERM)
			onlyGlyphs(t, "the session", styles.ReplaceAllString(s.err.String(), ""))
			if !strings.HasPrefix(s.out.String(), raw+"\n") {
				t.Errorf("the program's output: %q", s.out.String())
			}
		})
	}
	write(t, filepath.Join(dir, ".hotreload.toml"), "x = 1 # "+evil+"\n[watch]\ny\u202e\u0085 = \"\n")
	for _, args := range [][]string{{"check"}, {"check", "--json"}, {"run"}, {"doctor"}, {"status"}} {
		a := ask(t, dir, args...)
		onlyGlyphs(t, fmt.Sprintf("%q", args), a.out+a.err)
	}
}
