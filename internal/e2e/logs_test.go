package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// split runs a command of a session and returns its two streams and the exit code.
func split(t *testing.T, dir string, args ...string) (out, errs string, code int) {
	t.Helper()
	cmd := exec.Command(hotreload, args...)
	cmd.Dir, cmd.Env = dir, cleanEnv()
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// Deliverable 9: logs prints what the program has written, each stream on its own and byte for
// byte, of all its processes in the session.
func TestLogs(t *testing.T) {
	t.Parallel()
	dir := shell(t, `
[run]
command = `+does("script app.txt")+`
ready = "log:^up"
`, "app.txt", `print first \033[31mred\033[0m\tand \377\376 bytes\n
error problem
echo up
print no end
wait
`)
	if out, code := hr(t, dir, "logs"); code != 2 || !strings.Contains(out, "no session") {
		t.Errorf("logs without a session: exit %d: %s", code, out)
	}
	s := start(t, dir, nil)
	s.waitFor("live")
	const written = "first \x1b[31mred\x1b[0m\tand \xff\xfe bytes\nup\nno end"
	until(t, "the line without an end", func() bool { return strings.HasSuffix(s.out.String(), "no end") })
	if out, errs, code := split(t, dir, "logs"); out != written || errs != "problem\n" || code != 0 {
		t.Errorf("exit %d: %q, %q", code, out, errs)
	}
	for n, want := range map[string]string{"0": "", "1": "no end", "2": "up\nno end"} {
		if out, errs, code := split(t, dir, "logs", "-n", n, "project"); out != want || errs != "" && n == "0" || code != 0 {
			t.Errorf("-n %s: exit %d: %q, %q", n, code, out, errs)
		}
	}
	var bytes []byte
	out, _, _ := split(t, dir, "logs", "--json")
	for line := range strings.Lines(out) {
		var p control.LogPiece
		if err := json.Unmarshal([]byte(line), &p); err != nil || p.Service != "project" || p.Generation != 1 || p.Time.IsZero() {
			t.Errorf("%v: %s", err, line)
		}
		if p.Stream == "stdout" {
			bytes = append(bytes, p.Bytes()...)
		}
	}
	if string(bytes) != written {
		t.Errorf("--json: %q", bytes)
	}
	if out, code := hr(t, dir, "restart"); code != 0 {
		t.Fatalf("restart: %s", out)
	}
	until(t, "the line without an end", func() bool {
		return strings.HasSuffix(s.out.String(), "no end") && strings.Count(s.out.String(), "no end") == 2
	})
	if out, _, _ := split(t, dir, "logs"); out != written+written {
		t.Errorf("of two processes: %q", out)
	}
	if out, code := hr(t, dir, "logs", "other"); code != 2 || !strings.Contains(out, `no such service: "other"; there is project`) {
		t.Errorf("of no service: exit %d: %s", code, out)
	}
	if out, code := hr(t, dir, "logs", "-n", "x"); code != 2 {
		t.Errorf("no number: exit %d: %s", code, out)
	}
}

// Deliverable 9: logs -f goes on, over restarts, until the session ends or Ctrl-C; with several
// services each line has a name.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	dir := shell(t, `
[run]
ready = "log:^up"

[services.api]
run.command = `+does("echo up $HOTRELOAD_GENERATION", "print half of ", "wait")+`

[services.worker]
run.command = `+does("echo up", "wait")+`
`)
	s := start(t, dir, nil)
	s.each("live", "api", "worker")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	follow := func(args ...string) (cmd *exec.Cmd, out *bufio.Reader) {
		t.Helper()
		cmd = exec.CommandContext(ctx, hotreload, append([]string{"logs", "-f"}, args...)...)
		cmd.Dir, cmd.Env = dir, cleanEnv()
		prepare(cmd)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, bufio.NewReader(pipe)
	}
	next := func(out *bufio.Reader) string {
		t.Helper()
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("the lines have ended: %q, %v\n%s", line, err, s.dump())
		}
		return strings.TrimSuffix(line, "\n")
	}
	all, lines := follow()
	first := []string{next(lines), next(lines)}
	slices.Sort(first)
	if want := []string{"api    | up 1", "worker | up"}; !slices.Equal(first, want) {
		t.Errorf("%q, want %q", first, want)
	}
	// One that follows api alone, from its last line, which has no end.
	one, ofOne := follow("-n", "1", "api")
	for seen := ""; !strings.HasSuffix(seen, "half of "); {
		b, err := ofOne.ReadByte()
		if err != nil {
			t.Fatalf("%q, %v", seen, err)
		}
		seen += string(b)
	}
	// What comes after is seen, and an unfinished line of the process before is ended.
	if out, code := hr(t, dir, "restart", "api"); code != 0 {
		t.Fatalf("restart: %s", out)
	}
	if got := []string{next(lines), next(lines)}; !slices.Equal(got, []string{"api    | half of ", "api    | up 2"}) {
		t.Errorf("%q", got)
	}
	if got := next(ofOne); got != "up 2" {
		t.Errorf("%q", got)
	}
	interrupted := interrupt(one)
	if !interrupted {
		_ = one.Process.Kill()
	}
	if _, err := io.ReadAll(ofOne); err != nil {
		t.Error(err)
	}
	if err := one.Wait(); err != nil && interrupted {
		t.Errorf("after Ctrl-C: %v", err)
	}
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := next(lines); got != "api    | half of " {
		t.Errorf("at the end: %q", got)
	}
	if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	if err := all.Wait(); err != nil {
		t.Errorf("after the session: %v", err)
	}
}

// Deliverable 9: what is kept is bounded, whatever the program writes, and it is the end.
func TestLogsBounded(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	s := start(t, shell(t, `
[run]
command = `+does("count 300000", "echo up", "wait")+`
ready = "log:^up"
ready_timeout = "0s"
`), nil, withOutput(nil, nil))
	s.waitFor("live")
	out, _, code := split(t, s.dir, "logs")
	if code != 0 || len(out) < 1<<20 || len(out) > 2<<20+100_000 || !strings.HasSuffix(out, "\n299999\n300000\nup\n") {
		t.Errorf("exit %d: %d bytes, ... %q", code, len(out), out[max(0, len(out)-40):])
	}
	if out, _, _ := split(t, s.dir, "logs", "-n", "2"); out != "300000\nup\n" {
		t.Errorf("%q", out)
	}
}

// Deliverable 9: reload makes the browsers load their page again, and says how many tabs.
func TestReloadCommand(t *testing.T) {
	t.Parallel()
	dir := shell(t, `
[run]
command = `+does("echo up", "wait")+`
ready = "log:^up"
`)
	s := start(t, dir, nil)
	s.waitFor("live")
	if out, code := hr(t, dir, "reload"); code != 1 || !strings.Contains(out, "no proxy") || !strings.Contains(out, "proxy.listen") {
		t.Errorf("without a proxy: exit %d: %s", code, out)
	}
	if code := s.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out, code := hr(t, dir, "reload"); code != 2 || !strings.Contains(out, "no session") {
		t.Errorf("without a session: exit %d: %s", code, out)
	}

	addr := testkit.Address(t)
	s = start(t, dir, []string{"--set", "proxy.listen=" + addr})
	s.waitFor("live")
	if out, code := hr(t, dir, "reload"); code != 0 || out != "reloaded the tabs of 0 browsers\n" {
		t.Errorf("no tab: exit %d: %s", code, out)
	}
	if e := s.waitFor("reloaded"); e.num("clients") != 0 || e.str("kind") != "page" || e.Service != "project" {
		t.Errorf("%s", e.line)
	}
	// A tab is a stream of states.
	client := http.Client{Timeout: deadline}
	resp, err := client.Get("http://" + addr + "/__hotreload/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	state := func() string {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data:") {
				return lines.Text()
			}
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return ""
	}
	before := state()
	if out, code := hr(t, dir, "reload", "project"); code != 0 || out != "reloaded the tabs of 1 browser\n" {
		t.Errorf("one tab: exit %d: %s", code, out)
	}
	e := s.waitFor("reloaded")
	if e.num("clients") != 1 || e.Generation != 1 {
		t.Errorf("%s", e.line)
	}
	if after := state(); after == before {
		t.Errorf("the tab heard %s", after)
	}
	if out, code := hr(t, dir, "reload", "other"); code != 2 || !strings.Contains(out, "no such service") {
		t.Errorf("of no service: exit %d: %s", code, out)
	}
}

// Deliverable 9: the same over the loopback address of the API.
func TestLogsOverHTTP(t *testing.T) {
	t.Parallel()
	addr := testkit.Address(t)
	s := start(t, shell(t, fmt.Sprintf(`
[run]
command = `+does("echo up", "wait")+`
ready = "log:^up"

[control]
listen = %q
`, addr)), nil)
	s.waitFor("live")
	var p control.LogPiece
	if err := json.Unmarshal([]byte(s.get(addr, "/logs?service=project&lines=1")), &p); err != nil || p.Text != "up\n" || p.Stream != "stdout" {
		t.Errorf("%v: %+v", err, p)
	}
	for path, want := range map[string]int{"/logs?lines=-1": 400, "/logs?service=x": 404} {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	// A reader that goes away is no matter.
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Error(err)
	}
	c.Close()
}
