package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// webApp is a small server: it answers its pid and a constant, has a package, an
// embedded file, a template read at start, a file for another system and a test.
// It speaks HTTP itself: without net/http, compiling, linking and listing it takes half the time.
var webApp = map[string]string{
	"go.mod": "module example.test/web\n\ngo 1.25\n",
	"main.go": `package main

import (
	"bufio"
	"embed"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"example.test/web/lib"
)

//go:embed static
var static embed.FS

var template []byte

func main() {
	template, _ = os.ReadFile("templates/t.html")
	l, err := net.Listen("tcp", os.Getenv("ADDR"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	hup, term := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt)
	go func() {
		for range hup {
			fmt.Println("got SIGHUP")
		}
	}()
	go func() {
		<-term
		l.Close()
	}()
	fmt.Println("listening on", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		go serve(c)
	}
	asked.Wait()
}

// asked are the requests that have no answer yet.
var asked sync.WaitGroup

func serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	line, _ := r.ReadString('\n')
	words := strings.Fields(line)
	if len(words) < 3 {
		return
	}
	asked.Add(1)
	defer asked.Done()
	for {
		if line, err := r.ReadString('\n'); err != nil || strings.TrimSpace(line) == "" {
			break
		}
	}
	status, kind, body := answer(words[1])
	fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, kind, len(body), body)
}

func answer(target string) (status, kind, body string) {
	path, query, _ := strings.Cut(target, "?")
	switch {
	case path == "/t":
		return "200 OK", "text/plain", string(template)
	case path == "/env":
		v, ok := os.LookupEnv(query)
		return "200 OK", "text/plain", fmt.Sprint(v, " ", ok)
	case strings.HasPrefix(path, "/static/"):
		page, err := static.ReadFile(path[1:])
		if err != nil {
			return "404 Not Found", "text/plain", "no such file"
		}
		return "200 OK", "text/html", string(page)
	}
	return "200 OK", "text/plain", fmt.Sprintf("pid=%d version=%s lib=%s", os.Getpid(), Version, lib.Name())
}
`,
	"version.go":       "package main\n\nconst Version = \"one\"\n",
	"lib/lib.go":       "// Package lib has a name.\npackage lib\n\n// Name is a name.\nfunc Name() string { return \"lib1\" }\n",
	"lib/lib_plan9.go": "package lib\n\nconst plan9 = true\n",
	"lib/lib_test.go":  "package lib\n\nimport \"testing\"\n\nfunc TestName(t *testing.T) { Name() }\n",
	"lib/tagged.go":    "//go:build integration\n\npackage lib\n\nconst tagged = true\n",
	"other/other.go":   "package other\n\nconst X = 1\n",
	"static/page.html": "<html><body>page1</body></html>\n",
	"templates/t.html": "template1\n",
	"README.md":        "# web\n",
}

// newApp writes the files into a directory of the test, which may have any name.
func newApp(t *testing.T, files map[string]string, name ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{t.TempDir()}, name...)...)
	for f, content := range files {
		write(t, filepath.Join(dir, f), content)
	}
	return dir
}

// web is a running session of webApp.
type web struct {
	*session
	addr string
	//lint:ignore U1000 on Linux, the soak test uses it
	cache string // of hotreload, where a test has one of its own
}

func startWeb(t *testing.T, dir string, args []string, opts ...option) *web {
	t.Helper()
	addr := testkit.Address(t)
	s := start(t, dir, args, append([]option{withEnv("ADDR=" + addr)}, opts...)...)
	w := &web{session: s, addr: addr}
	w.waitFor("live")
	return w
}

// status asks the session over its control socket.
func (s *session) status() control.Status {
	s.t.Helper()
	var st control.Status
	out := s.command("status", "--json")
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		s.t.Fatalf("status: %v: %s", err, out)
	}
	return st
}

// answer is what the program says on /: its pid, version and the lib's name.
type answer struct {
	pid          int
	version, lib string
}

func (w *web) answer() answer {
	w.t.Helper()
	body := w.get(w.addr, "/")
	var a answer
	if _, err := fmt.Sscanf(body, "pid=%d version=%s lib=%s", &a.pid, &a.version, &a.lib); err != nil {
		w.t.Fatalf("answer %q: %v", body, err)
	}
	return a
}

// setVersion saves version.go with another constant, in one step: on a busy machine, a file that is
// truncated first may be seen empty, and that is another change.
func (w *web) setVersion(v string) {
	w.t.Helper()
	replaceFile(w.t, filepath.Join(w.dir, "version.go"), fmt.Sprintf("package main\n\nconst Version = %q\n", v))
}

// unchanged makes sure that the program was neither built nor restarted since.
func (w *web) untouched(mark int, before answer) {
	w.t.Helper()
	w.settle()
	for _, e := range w.since(mark) {
		switch e.Event {
		case "build_started", "started", "exited", "live":
			w.t.Errorf("unwanted event: %s", e.line)
		}
	}
	if now := w.answer(); now != before {
		w.t.Errorf("the program changed: %v, was %v", now, before)
	}
}

// shortTempDir is a directory with a short name: the path of a socket may have only
// about a hundred bytes.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// command runs a hotreload command against the session and returns its output.
func (s *session) command(args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, hotreload, args...)
	cmd.Dir = s.dir
	cmd.Env = s.cmd.Env
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		s.t.Fatalf("%v does not end\n%s", args, s.dump())
	}
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 1 {
		s.t.Fatalf("%v: exit %d: %s\n%s", args, code, out, s.dump())
	}
	return string(out)
}
