//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// Bad input: what a web page could send to the control address is refused with the
// reason, on every path, and does nothing.
func TestS0ForeignOrigin(t *testing.T) {
	t.Parallel()
	addr := testkit.Address(t)
	s := start(t, shell(t, "[control]\nlisten = \""+addr+"\"\n"+sleeper("a", "")), nil)
	s.each("live", "a")
	before := s.status().Services[0]
	_, port, _ := strings.Cut(addr, ":")
	do := func(method, path string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			} else {
				req.Header[header[i]] = []string{header[i+1]}
			}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for k := range resp.Header {
			if strings.HasPrefix(k, "Access-Control") {
				t.Errorf("%s: %s", path, k)
			}
		}
		if resp.StatusCode == http.StatusOK {
			return resp.StatusCode, ""
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var refusal struct{ Error string }
		if err := json.Unmarshal(body, &refusal); err != nil {
			t.Errorf("%s: %v: %s", path, err, body)
		}
		return resp.StatusCode, refusal.Error
	}
	for _, c := range []struct {
		name   string
		header []string
		reason string
	}{
		{"foreign origin", []string{"Origin", "https://evil.example"}, "https://evil.example"},
		{"no origin", []string{"Origin", "null"}, "web pages"},
		{"empty origin", []string{"Origin", ""}, "web pages"},
		{"own origin", []string{"Origin", "http://" + addr}, "web pages"},
		{"other site", []string{"Sec-Fetch-Site", "cross-site"}, "web pages"},
		{"same site", []string{"Sec-Fetch-Site", "same-origin"}, "web pages"},
		{"rebound name", []string{"Host", "evil.example:" + port}, `"evil.example:` + port + `" is not this machine: use localhost`},
		{"number of another machine", []string{"Host", "192.0.2.1"}, "is not this machine"},
		{"the name on the socket", []string{"Host", "hotreload:" + port}, "is not this machine"},
		{"the same, without a port", []string{"Host", "hotreload"}, "is not this machine"},
		{"a name that a network completes", []string{"Host", "localhost.:" + port}, "is not this machine"},
		{"every number", []string{"Host", "0.0.0.0:" + port}, "is not this machine"},
	} {
		for _, r := range []string{"GET /status", "GET /events", "GET /wait", "POST /restart", "POST /rebuild", "POST /pause", "POST /resume", "POST /stop", "POST /stop?service=a"} {
			method, path, _ := strings.Cut(r, " ")
			if code, text := do(method, path, c.header...); code != http.StatusForbidden || !strings.Contains(text, c.reason) {
				t.Errorf("%s, %s: %d %q, want 403 with %q", c.name, r, code, text, c.reason)
			}
		}
	}
	for _, header := range [][]string{nil, {"Host", "localhost:" + port}, {"Host", "[::1]:" + port}, {"Sec-Fetch-Site", "none"}} {
		if code, text := do("GET", "/status", header...); code != http.StatusOK {
			t.Errorf("%v: %d %s", header, code, text)
		}
	}
	if code, text := do("POST", "/restart?service=nobody"); code != http.StatusNotFound || text != `no such service: "nobody"; there is a` {
		t.Errorf("unknown service: %d %s", code, text)
	}
	after := s.status()
	if now := after.Services[0]; now.PID != before.PID || now.Generation != before.Generation || now.State != "live" || after.Paused {
		t.Errorf("a refused request did something: %+v, was %+v", now, before)
	}
}

// Bad input: a session of another user. Commands of others are refused, and by
// whom it is held; nothing is taken over.
func TestS0AnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can start hotreload as two users")
	}
	if coverDir() != "" {
		t.Skip("TestS0AnotherUser is not run with counters: other users cannot write where they are gathered; `make race` runs it")
	}
	const one, two = 54321, 54322
	dir := shortTempDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	bin := at("hotreload")
	data, err := os.ReadFile(hotreload)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testkit.WriteProgram(t, bin, data)
	for _, d := range []struct {
		name string
		uid  int
	}{{"project", 0}, {"home1", one}, {"home1/.cache", one}, {"home2", two}, {"run1", one}, {"run2", two}, {"run2/hotreload", two}, {"open", 0}} {
		if err := os.Mkdir(at(d.name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(at(d.name), d.uid, d.uid); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(at("open"), 0o777|os.ModeSticky); err != nil { // like /tmp
		t.Fatal(err)
	}
	write(t, at("project/.hotreload.toml"), sleeper("a", ""))

	as := func(uid int, env []string, args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Dir = at("project")
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", mark(t.Name()), "TMPDIR=" + at("open"), fmt.Sprintf("HOME=%s", at(fmt.Sprintf("home%d", uid-one+1)))}, env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		return cmd
	}
	// run starts a session and waits until it is live and has said the text.
	run := func(uid int, env []string, text string) (stop func()) {
		t.Helper()
		cmd := as(uid, env, "run", "--color", "never")
		var out safeBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		stop = func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := <-ended; err != nil {
				t.Errorf("the session ended with %v\n%s", err, out.String())
			}
		}
		until(t, "the session says "+text, func() bool {
			select {
			case err := <-ended:
				t.Fatalf("the session ended: %v\n%s", err, out.String())
			default:
			}
			return strings.Contains(out.String(), " live ") && strings.Contains(out.String(), text)
		})
		return stop
	}
	refused := func(what string, cmd *exec.Cmd, code int, wants ...string) {
		t.Helper()
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code {
			t.Errorf("%s: exit %d, want %d: %s", what, got, code, out)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: no %q in: %s", what, want, out)
			}
		}
	}
	runtime1, runtime2 := "XDG_RUNTIME_DIR="+at("run1"), "XDG_RUNTIME_DIR="+at("run2")
	stop := run(one, []string{runtime1}, "hotreload ")
	if fi, err := os.Stat(at("run1/hotreload")); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v %v", fi, err)
	}
	refused("its own user", as(one, []string{runtime1}, "wait"), 0, "a: live")
	for _, verb := range []string{"status", "wait", "restart", "stop"} {
		refused(verb+" with the other's runtime directory", as(two, []string{runtime1}, verb), 2,
			at("run1/hotreload")+" belongs to another user (uid 54321)", "hint: run hotreload as that user")
		refused(verb+" with a runtime directory of its own", as(two, []string{runtime2}, verb), 2, "no session is running in this project", "the user who started it")
	}
	// A directory that another user prepared is not trusted, whatever its modes are.
	refused("a prepared directory", as(one, []string{runtime2}, "status"), 2, at("run2/hotreload")+" belongs to another user (uid 54322)")
	// The other user's session in the same project goes without a control socket, and says so.
	run(two, []string{runtime1}, "no control socket: "+at("run1/hotreload")+" belongs to another user (uid 54321)")()
	// Its cache is not shared: programs are run from there.
	refused("the other's cache", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("home1/.cache")}, "run"), 1,
		at("home1/.cache/hotreload")+" belongs to another user (uid 54321)", "hint: that user has run hotreload here")
	if err := os.Chmod(at("home1/.cache/hotreload"), 0o755); err != nil {
		t.Fatal(err)
	}
	refused("the other's lock", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("home1/.cache")}, "run"), 1,
		at("home1/.cache/hotreload/project-"), " belongs to another user (uid 54321)", "hint: that user has run hotreload here")
	refused("a cache that cannot be written", as(two, []string{runtime2, "XDG_CACHE_HOME=" + at("run1")}, "run"), 1, "no directory for binaries", "XDG_CACHE_HOME")
	if err := os.MkdirAll(at("open/hotreload-54322"), 0o777); err != nil {
		t.Fatal(err)
	}
	refused("a prepared cache, without a home", as(two, []string{"HOME="}, "run"), 1, at("open/hotreload-54322")+" belongs to another user (root)")
	refused("its own user, after all that", as(one, []string{runtime1}, "wait"), 0, "a: live")
	stop()
	until(t, "nothing is left", func() bool { return len(processesOf(t.Name())) == 0 })
}
