package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// hotreload is the binary under test, and tool the helper of testdata/tool, both built once.
var hotreload, tool string

const deadline = testkit.Deadline

var (
	write = testkit.Write
	read  = testkit.Read
	until = testkit.Until
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if signal.Ignored(syscall.SIGHUP) {
		// Under nohup; children would inherit it, and hotreload heeds it. What is caught here, they have by default.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	dir, err := os.MkdirTemp("", "hotreload-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if built := os.Getenv("E2E_PROGRAMS"); built != "" { // see tools/wine
		dir = built
	} else if err := buildAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	hotreload, tool = filepath.Join(dir, "hotreload"+exe), filepath.Join(dir, "tool"+exe)
	defer prune()
	testkit.Parallel(4)
	return m.Run()
}

// buildAll builds the programs of the tests.
func buildAll(dir string) error {
	var flags []string
	if testkit.Race {
		flags = append(flags, "-race")
	}
	if coverDir() != "" {
		flags = append(flags, "-cover")
	}
	for name, args := range map[string][]string{"tool": {"./testdata/tool"}, "hotreload": append(flags, "github.com/hotreload/hotreload/cmd/hotreload")} {
		args = append([]string{"build", "-o", filepath.Join(dir, name+exe)}, args...)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// prune removes what sessions of tests have left in the user's cache: their projects were
// temporary.
func prune() {
	base, err := os.UserCacheDir()
	if err != nil {
		return
	}
	tmp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return
	}
	control.Prune(filepath.Join(base, "hotreload", "none"), func(root string, _ time.Time) bool {
		_, err := os.Stat(root)
		return errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(root, tmp+string(filepath.Separator))
	})
}

// ev is one line of the event stream.
type ev struct {
	Event      string
	Service    string
	Generation int
	Raw        map[string]any
	line       string
}

func (e ev) num(key string) int {
	f, _ := e.Raw[key].(float64)
	return int(f)
}

func (e ev) str(key string) string {
	s, _ := e.Raw[key].(string)
	return s
}

func (e ev) flag(key string) bool {
	b, _ := e.Raw[key].(bool)
	return b
}

func (e ev) strs(key string) []string {
	list, _ := e.Raw[key].([]any)
	var out []string
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}

// session is one running hotreload.
type session struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	done chan struct{} // the process has ended

	mu     sync.Mutex
	events []ev
	ended  bool // the event stream is closed
	news   *sync.Cond
	at     int // events up to here were looked at by wait
	out    safeBuffer
	err    safeBuffer
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// option changes how a session is started.
type option func(*exec.Cmd)

func withEnv(kv ...string) option {
	return func(c *exec.Cmd) { c.Env = append(c.Env, kv...) }
}

func withOutput(out, err io.Writer) option {
	return func(c *exec.Cmd) { c.Stdout, c.Stderr = out, err }
}

func withStdin(r io.Reader) option { return func(c *exec.Cmd) { c.Stdin = r } }

// start runs `hotreload run --events FILE args...` in dir. It is stopped at the
// end of the test, which fails if anything of it is left.
func start(t *testing.T, dir string, args []string, opts ...option) *session {
	t.Helper()
	s := &session{t: t, dir: dir, done: make(chan struct{})}
	s.news = sync.NewCond(&s.mu)
	events := newEvents(t)
	full := append([]string{"run", "--events", events.path}, args...)
	s.cmd = exec.Command(hotreload, full...)
	s.cmd.Dir = dir
	s.cmd.Env = append(cleanEnv(), mark(t.Name()))
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	prepare(s.cmd)
	for _, o := range opts {
		o(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		s.read(events)
	}()
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
		events.noWriter()
		select {
		case <-all:
		case <-time.After(deadline): // something that it started has the pipe open
		}
		events.Close()
		s.mu.Lock()
		s.ended = true
		s.news.Broadcast()
		s.mu.Unlock()
	}()
	t.Cleanup(s.cleanup)
	return s
}

// cleanEnv is the environment without what a developer's shell or make adds.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "HOTRELOAD") || strings.HasPrefix(kv, "NO_COLOR=") || strings.HasPrefix(kv, "CI=") || strings.HasPrefix(kv, "MAKEFLAGS=") {
			continue
		}
		env = append(env, kv)
	}
	// The race detector sleeps a second at the end of every process.
	env = append(env, "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=all")
	if dir := coverDir(); dir != "" {
		env = append(env, "GOCOVERDIR="+dir)
	}
	return env
}

// coverDir is where hotreload leaves what of its code the tests have run; see `make cover`.
func coverDir() string { return os.Getenv("E2E_COVERDIR") }

func (s *session) read(events io.Reader) {
	sc := bufio.NewScanner(events)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		e := ev{line: sc.Text()}
		if err := json.Unmarshal(sc.Bytes(), &e.Raw); err != nil {
			s.t.Errorf("event is no JSON: %v: %s", err, sc.Text())
			continue
		}
		e.Event, e.Service, e.Generation = e.str("event"), e.str("service"), e.num("generation")
		s.mu.Lock()
		s.events = append(s.events, e)
		s.news.Broadcast()
		s.mu.Unlock()
	}
}

// wait returns the next event for which match holds, skipping others. The next
// call goes on behind it.
func (s *session) wait(what string, match func(ev) bool) ev {
	s.t.Helper()
	e, ok := s.tryWait(deadline, match)
	if !ok {
		s.traces()
		s.t.Fatalf("no event came: %s\n%s", what, s.dump())
	}
	return e
}

// traces ends hotreload with the stacks of its goroutines on stderr, if the system can do that: what it
// waits for when it should not is in no event.
func (s *session) traces() {
	s.abort()
	select {
	case <-s.done:
	case <-time.After(deadline):
	}
}

func (s *session) tryWait(patience time.Duration, match func(ev) bool) (ev, bool) {
	// First the end, then the timer that wakes for it: the other way round it could wake a moment
	// too early, and nothing would wake it again.
	end := time.Now().Add(patience)
	timeout := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.news.Broadcast()
	})
	defer timeout.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.at < len(s.events) {
			e := s.events[s.at]
			s.at++
			if match(e) {
				return e, true
			}
		}
		if s.ended || !time.Now().Before(end) {
			return ev{}, false
		}
		s.news.Wait()
	}
}

// waitFor returns the next event of that name.
func (s *session) waitFor(name string) ev {
	s.t.Helper()
	return s.wait(name, func(e ev) bool { return e.Event == name })
}

// mark is a position in the event stream, for since.
func (s *session) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// since returns the events that came after the mark.
func (s *session) since(mark int) []ev {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events[mark:])
}

func count(events []ev, name string) int {
	n := 0
	for _, e := range events {
		if e.Event == name {
			n++
		}
	}
	return n
}

// settle makes sure that everything done to the files so far has had its
// effect: it changes a file that concerns no service and waits until that is reported.
// The watcher reports changes in order, so what came before was reported before.
func (s *session) settle() {
	s.t.Helper()
	name := fmt.Sprintf("zz-settle-%d.txt", time.Now().UnixNano())
	// In one step: a file that a process has open for writing is not reported.
	replaceFile(s.t, filepath.Join(s.dir, name), name)
	s.wait("settle", func(e ev) bool {
		return e.Event == "changed" && slices.ContainsFunc(e.strs("paths"), func(p string) bool { return filepath.Base(p) == name })
	})
}

func (s *session) dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("events:\n")
	for _, e := range s.events {
		line := e.line
		if len(line) > 400 {
			line = line[:400] + "..."
		}
		b.WriteString("  " + line + "\n")
	}
	fmt.Fprintf(&b, "stdout:\n%s\nstderr:\n%s\n", s.out.String(), s.err.String())
	return b.String()
}

// stop asks for the end as the signal does and returns the exit code.
func (s *session) stop(sig syscall.Signal) int {
	s.t.Helper()
	s.ask(sig)
	return s.exit()
}

// exit waits for the end and returns the exit code, -signal if it was killed.
func (s *session) exit() int {
	s.t.Helper()
	t := time.NewTimer(deadline)
	defer t.Stop()
	select {
	case <-s.done:
	case <-t.C:
		s.abort()
		<-s.done
		s.t.Fatalf("hotreload did not end\n%s", s.dump())
	}
	if ws, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *session) cleanup() {
	select {
	case <-s.done:
	default:
		s.stop(syscall.SIGTERM)
	}
	if left := s.left(); len(left) > 0 {
		s.t.Errorf("left behind: %v", left)
		for _, pid := range left {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
	}
	if s.t.Failed() {
		s.t.Log(s.dump())
	}
}

// replaceFile saves in one step, however busy the machine is: of a file that is seen empty
// for long a build is made.
func replaceFile(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+"~", content)
	rename(t, path+"~", path)
}

// mark is the variable by which the processes of a test are known; the same test may run
// twice on a machine. hotreload does not pass on what begins with HOTRELOAD_.
func mark(test string) string { return fmt.Sprintf("E2E_TEST=%s-%d", test, os.Getpid()) }

// edit replaces text in a file of the session's directory; the old text must be there.
func (s *session) edit(name, old, replacement string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	data := read(s.t, path)
	if !strings.Contains(data, old) {
		s.t.Fatalf("%s does not contain %q", name, old)
	}
	write(s.t, path, strings.Replace(data, old, replacement, 1))
}

// get asks the running server app; it is asked only after a live event, which
// promises that it answers.
func (s *session) get(addr, path string) string {
	s.t.Helper()
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.dump())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}
