//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// E6: several are named, with the commands that work; init writes nothing above them.
func TestE6SeveralModulesBelow(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := repository(t, "backend:", "svc/b b:cmd/x", "svc/b b:cmd/y", "tools:gen")
	write(t, filepath.Join(dir, "lib/go.mod"), "module lib\n")
	write(t, filepath.Join(dir, "lib/lib.go"), "package lib\n")
	commands := []string{"hotreload run -C backend", "hotreload run -C 'svc/b b' ./cmd/x", "hotreload run -C 'svc/b b' ./cmd/y", "hotreload run -C tools ./gen"}
	for _, args := range [][]string{{"run"}, {"check"}, {"check", "--json"}, {"why", "backend/main.go"}, {"run", "--once"}} {
		a := ask(t, dir, args...)
		if a.code != 2 || a.out != "" {
			t.Errorf("%v: %+v", args, a)
		}
		for _, c := range commands {
			if !strings.Contains(a.err, "\n  "+c+"\n") {
				t.Errorf("%v: no %q in\n%s", args, c, a.err)
			}
		}
		if n := strings.Count(a.err, "hotreload run "); n != len(commands) {
			t.Errorf("%v: %d commands in\n%s", args, n, a.err)
		}
	}
	a := ask(t, dir, "doctor")
	for _, c := range commands { // a line each here, too
		if !regexp.MustCompile(`(?m)^ +`+regexp.QuoteMeta(c)+`$`).MatchString(a.out) || !strings.Contains(a.out, "warn") {
			t.Errorf("%q: %s", c, a.out)
		}
	}
	if a := ask(t, dir, "init"); a.code != 2 || !strings.Contains(a.err, "\n  hotreload init -C 'svc/b b'\n") || exists(filepath.Join(dir, ".hotreload.toml")) {
		t.Errorf("init: %+v", a)
	}
	// They work, as typed, and so they do with -C from elsewhere.
	for _, c := range commands {
		cmd := exec.Command("sh", "-c", strings.Replace(c, "hotreload run", "exec \"$0\" check", 1), hotreload)
		if !strings.Contains(c, "./") { // check takes no package
			cmd.Dir, cmd.Env = dir, cleanEnv()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", c, err, out)
			}
		}
		s := runShell(t, dir, c)
		s.waitFor("started")
		s.stop(syscall.SIGTERM)
	}
}

// runShell starts a command line of a message as a shell would.
func runShell(t *testing.T, dir, line string) *session {
	t.Helper()
	words, err := exec.Command("sh", "-c", "for w in "+strings.TrimPrefix(line, "hotreload run")+"; do echo \"$w\"; done").Output()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, dir, strings.Split(strings.TrimSpace(string(words)), "\n"))
}

// E6: below a directory without any module nothing is listed, and the search ends.
func TestE6BigDirectory(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := t.TempDir()
	for i := range 200 {
		write(t, filepath.Join(dir, fmt.Sprint("d", i%20), fmt.Sprint("e", i), "x.go"), "package main\n\nfunc main() {}\n")
	}
	path, calls := goCalls(t)
	for _, args := range [][]string{{"run"}, {"why", "x.go"}, {"doctor"}, {"init"}, {"check"}} {
		cmd := exec.Command(hotreload, args...)
		cmd.Dir, cmd.Env = dir, append(cleanEnv(), path)
		out, _ := cmd.CombinedOutput()
		if args[0] == "run" && (cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "no go.mod") || !strings.Contains(string(out), "go mod init")) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if c := calls(); strings.Contains(c, "list") {
		t.Errorf("the go command was asked to list: %s", c)
	}
	// What others may write is never run unasked.
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, ".hotreload.toml"))
	write(t, filepath.Join(dir, "theirs/go.mod"), "module theirs\n")
	write(t, filepath.Join(dir, "theirs/main.go"), mainGo)
	if a := ask(t, dir, "run"); a.code != 2 || !strings.Contains(a.err, "hotreload run -C theirs") {
		t.Errorf("%+v", a)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
