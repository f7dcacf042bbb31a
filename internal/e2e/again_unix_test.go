//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// gate stops the next compiler, or build command, that comes by (a script does
// `. GATE`): it goes on when the test lets it, and says when it has read its files.
type gate struct {
	t          *testing.T
	dir        string
	come, pass *os.File
}

func newGate(t *testing.T) gate {
	t.Helper()
	g := gate{t: t, dir: t.TempDir()}
	// Open for both, so that neither side waits for the other to be there.
	fifo := func(name string) *os.File {
		path := filepath.Join(g.dir, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	g.come, g.pass = fifo("come"), fifo("pass")
	write(t, g.script(), fmt.Sprintf("if mv '%[1]s/shut' '%[1]s/passed' 2>/dev/null; then echo > '%[1]s/come'; read pass < '%[1]s/pass'; fi\n", g.dir))
	return g
}

func (g gate) script() string { return filepath.Join(g.dir, "gate") }

// shut makes the next one wait.
func (g gate) shut() { write(g.t, filepath.Join(g.dir, "shut"), "") }

// await returns when one waits.
func (g gate) await() {
	g.t.Helper()
	if err := g.come.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.come.Read(make([]byte, 1)); err != nil {
		g.t.Fatal(err)
	}
}

// open lets it go on.
func (g gate) open() {
	g.t.Helper()
	if _, err := g.pass.WriteString("pass\n"); err != nil {
		g.t.Fatal(err)
	}
}

// unseen does something that hotreload hears of only afterwards. What it has started
// goes on meanwhile.
func (s *session) unseen(f func()) {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	// Its threads stop one by one, and the last one lets the parent know.
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &ws, syscall.WUNTRACED, nil); err != nil || !ws.Stopped() {
		s.t.Fatalf("does not stop: %v, %v", err, ws)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	f()
}

// compiler is a -toolexec that puts the compiler of main packages behind the gate, and the
// file that it leaves when that has ended.
func (g gate) compiler() (toolexec, ended string) {
	g.t.Helper()
	toolexec, ended = filepath.Join(g.dir, "toolexec"), filepath.Join(g.dir, "ended")
	write(g.t, toolexec, fmt.Sprintf(`#!/bin/sh
case "$*" in
*-V=full*) ;;
*/compile\ *'-p main'*) . '%s'; "$@"; code=$?; echo > '%s'; exit $code ;;
esac
exec "$@"
`, g.script(), ended))
	if err := os.Chmod(toolexec, 0o755); err != nil {
		g.t.Fatal(err)
	}
	return toolexec, ended
}

// L12: a file that held something else while the compiler read it, and is again what it
// was before hotreload has looked: the program is the last save all the same, and a
// failure that only that moment explains is not reported.
func TestL12WrittenAgain(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	script := map[string]string{
		"go.mod":          "module example.test/again\n\ngo 1.25\n",
		"pick.go":         "// 0\npackage main\n",
		".hotreload.toml": "[build]\ncommand = [\"sh\", \"build.sh\"]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\"]\n",
	}
	for _, between := range []string{"", "// 2\npackage main\n"} {
		t.Run(fmt.Sprintf("command %.4q", between), func(t *testing.T) {
			g := newGate(t)
			dir := newApp(t, script)
			has := filepath.Join(g.dir, "read")
			write(t, filepath.Join(dir, "build.sh"), fmt.Sprintf(`. '%s'
read v < pick.go; code=$?
echo > '%s'
[ $code = 0 ] || { echo "pick.go:1:1: nothing in it"; exit 1; }
printf '#!/bin/sh\necho says %%s\nexec sleep 1000\n' "${v#// }" > app.new
chmod +x app.new; mv app.new app
`, g.script(), has))
			s := start(t, dir, nil)
			s.waitFor("live")
			mark := s.mark()
			g.shut()
			pick := filepath.Join(dir, "pick.go")
			replaceFile(t, pick, "// 1\npackage main\n")
			g.await()
			s.settle()
			if err := os.Remove(has); err != nil {
				t.Fatal(err)
			}
			s.unseen(func() {
				write(t, pick, between)
				g.open()
				until(t, "the build command has read", func() bool { _, err := os.Stat(has); return err == nil })
				write(t, pick, "// 1\npackage main\n")
			})
			s.becameRight(mark)
			until(t, "the last save runs", func() bool { return strings.HasSuffix(s.out.String(), "says 1\n") })
		})
	}

	// The go command keeps what it compiled in such a moment, if it compiles at all,
	// under the hash of what the file holds before and after: that is its own.
	t.Run("go build", func(t *testing.T) {
		g := newGate(t)
		toolexec, ended := g.compiler()
		files := maps.Clone(webApp)
		files[".hotreload.toml"] = fmt.Sprintf("[build]\nflags = [%q]\n", "-toolexec="+toolexec)
		w := startWeb(t, newApp(t, files), nil)
		mark := w.mark()
		g.shut()
		replaceFile(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = \"next\"\n")
		g.await()
		w.settle()
		if err := os.Remove(ended); err != nil {
			t.Fatal(err)
		}
		w.unseen(func() {
			write(t, filepath.Join(w.dir, "version.go"), "")
			g.open()
			until(t, "the compiler has ended", func() bool { _, err := os.Stat(ended); return err == nil })
			w.setVersion("next")
		})
		w.becameRight(mark)
		if a := w.answer(); a.version != "next" {
			t.Errorf("answer %+v\n%s", a, w.dump())
		}
	})
}

// L12: a file that was read while a burst of changes was under way, and that is put back before
// the burst ends, is in the program as it is in the end. (By its own command: the go command
// would keep what it has compiled of such a moment.)
func TestL12ReadEarly(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	g := newGate(t)
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/early\n\ngo 1.25\n",
		"pick.go":         "// 0\npackage main\n",
		"other.go":        "package main\n",
		"build.sh":        fmt.Sprintf(". '%s'\nread v < pick.go\nprintf '#!/bin/sh\\necho says %%s\\nexec sleep 1000\\n' \"${v#// }\" > app.new\nchmod +x app.new; mv app.new app\n", g.script()),
		".hotreload.toml": "[build]\ncommand = [\"sh\", \"build.sh\"]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\"]\ndebounce = \"5s\"\nmax_wait = \"10s\"\n",
	})
	s := start(t, dir, nil)
	s.waitFor("live")
	g.shut()
	replaceFile(t, filepath.Join(dir, "other.go"), "package main\n\nvar _ = 1\n")
	g.await() // the build for the first change of the burst
	pick := filepath.Join(dir, "pick.go")
	replaceFile(t, pick, "// 1\npackage main\n")
	g.open()
	s.wait("the end of that build", func(e ev) bool {
		return e.Generation > 1 && (e.Event == "build_finished" || e.Event == "build_canceled")
	})
	replaceFile(t, pick, "// 0\npackage main\n")
	if out := s.command("wait"); !strings.Contains(out, "live") {
		t.Errorf("wait says %q", out)
	}
	if out := s.out.String(); !strings.HasSuffix(out, "says 0\n") {
		t.Errorf("it says %q\n%s", out, s.dump())
	}
}

// becameRight waits for the end of what goes on: one build, which has not failed.
func (s *session) becameRight(mark int) {
	s.t.Helper()
	if out := s.command("wait"); !strings.Contains(out, "live") {
		s.t.Errorf("wait says %q", out)
	}
	until(s.t, "the end of the build among the events", func() bool { return count(s.since(mark), "build_finished") > 0 })
	for _, e := range s.since(mark) {
		if e.Event == "build_finished" && !e.flag("ok") {
			s.t.Errorf("a failure was reported: %s", e.line)
		}
	}
	if n := count(s.since(mark), "build_started"); n != 1 {
		s.t.Errorf("%d builds\n%s", n, s.dump())
	}
}

// L14: a build command of the user's own that writes an input as it is, every time, runs once
// more, once.
func TestL14CommandRewrites(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/rewrites\n\ngo 1.25\n",
		"pick.go":         "// 0\npackage main\n",
		"gen.go":          "package main // generated\n",
		"gen.txt":         "package main // generated\n",
		"build.sh":        "echo >> runs.log\ncat gen.txt > gen.tmp; mv gen.tmp gen.go\nread v < pick.go\nprintf '#!/bin/sh\\necho says %s\\nexec sleep 1000\\n' \"${v#// }\" > app.new\nchmod +x app.new; mv app.new app\n",
		".hotreload.toml": "[build]\ncommand = [\"sh\", \"build.sh\"]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\"]\n",
	})
	runs := func() string { b, _ := os.ReadFile(filepath.Join(dir, "runs.log")); return string(b) }
	s := start(t, dir, nil)
	s.waitFor("live")
	for i := 1; i <= 4; i++ {
		mark, ran, most := s.mark(), len(runs()), 1
		if i == 1 { // the first one, if it was not the start of the session
			most = 2
		}
		replaceFile(t, filepath.Join(dir, "pick.go"), fmt.Sprintf("// %d\npackage main\n", i))
		s.command("wait")
		s.settle()
		s.command("wait")
		if builds := count(s.since(mark), "build_started"); builds != 1 {
			t.Errorf("save %d: %d builds\n%s", i, builds, s.dump())
		}
		if n := len(runs()); n-ran > most {
			t.Errorf("save %d: the command ran %d times", i, n-ran)
		}
	}
}
