//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// E2: an idle session whose own output is in the project writes nothing, whatever it is
// asked to print, also behind a pipe, and with a program that logs into the project.
func TestE2OwnOutput(t *testing.T) {
	t.Parallel()
	const chatter = `package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	f, err := os.Create("app.log")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for n := 0; ; n++ {
			fmt.Fprintln(f, n)
			fmt.Println("on stdout", n)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}
`
	for name, line := range map[string]string{
		"json":    `exec "$0" run --log json >out.log 2>err.log`,
		"verbose": `exec "$0" run -v >out.log 2>err.log`,
		"pipe":    `"$0" run -v 2>&1 | tee all.log >/dev/null`,
		"events":  `exec "$0" run -v --events ev.jsonl >out.log 2>&1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newApp(t, map[string]string{"go.mod": "module example.test/chatter\n\ngo 1.25\n", "main.go": chatter})
			cmd := exec.Command("sh", "-c", line, hotreload)
			cmd.Dir = dir
			cmd.Env = append(cleanEnv(), mark(t.Name()), "ADDR="+testkit.Address(t))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s := &session{t: t, dir: dir, cmd: cmd}
			t.Cleanup(func() {
				s.command("stop")
				cmd.Wait()
				if left := processesOf(t.Name()); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
			log := func() string { return read(t, filepath.Join(dir, "app.log")) }
			until(t, "the program logs", func() bool { _, err := os.Stat(filepath.Join(dir, "app.log")); return err == nil && log() != "" })
			// Its lines are the clock: many of them, and not one of ours about a file.
			until(t, "a hundred lines", func() bool { return strings.Count(log(), "\n") > 100 })
			for _, f := range []string{"err.log", "out.log", "all.log", "ev.jsonl"} {
				data, err := os.ReadFile(filepath.Join(dir, f))
				if err != nil {
					continue
				}
				for _, l := range strings.Split(string(data), "\n") {
					if strings.Contains(l, "app.log") || strings.Contains(l, "err.log") || strings.Contains(l, "out.log") || strings.Contains(l, "all.log") || strings.Contains(l, "ev.jsonl") {
						t.Errorf("%s tells of a log: %s", f, l)
					}
				}
			}
		})
	}
}

// L14, L11: a save while the commands before a build run reaches the generator, the second
// time as well as the first, and what hangs is ended by it.
func TestL14SaveDuringBefore(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	g := newGate(t)
	dir := newApp(t, map[string]string{
		".hotreload.toml": fmt.Sprintf("[build]\nbefore = [%q]\n", "sed 's/const T/const G/' types.go > g.tmp; . "+g.script()+"; cp g.tmp gen.go"),
		"go.mod":          "module example.test/gen\n\ngo 1.25\n",
		"types.go":        "package main\n\nconst T = \"0\"\n",
		"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, T, " ", G) })
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}
`,
	})
	addr := testkit.Address(t)
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	s.waitFor("live")
	save := func(v string) {
		replaceFile(t, filepath.Join(dir, "types.go"), fmt.Sprintf("package main\n\nconst T = %q\n", v))
	}
	for i := range 3 {
		g.shut()
		save(fmt.Sprintf("%d-1", i))
		g.await() // sed has read it
		save(fmt.Sprintf("%d-2", i))
		// The one that waits at the gate is ended, not let through.
		s.succeed(0, "wait")
		want := fmt.Sprintf("%d-2 %d-2", i, i)
		if got := s.get(addr, "/"); got != want {
			t.Fatalf("round %d: after wait it answers %q, want %q\n%s", i, got, want, s.dump())
		}
	}
}
