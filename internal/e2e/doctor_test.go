//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/testkit"
)

type finding struct{ Check, Level, Message, Hint string }

// doctor runs `hotreload doctor --json` and returns its findings by check, in the form
// "level", and the exit code.
func doctor(t *testing.T, dir string, env ...string) (findings map[string]finding, order []string, code int) {
	t.Helper()
	cmd := exec.Command(hotreload, "doctor", "--json")
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, _ := cmd.Output()
	var r struct {
		OK       bool
		Findings []finding
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s%s", err, out, errs.String())
	}
	findings = map[string]finding{}
	for _, f := range r.Findings {
		findings[f.Check] = f
		order = append(order, f.Check)
		if (f.Level != "ok") != (f.Hint != "") || f.Message == "" {
			t.Errorf("a finding has a hint if and only if something is to be done: %+v", f)
		}
	}
	code = cmd.ProcessState.ExitCode()
	if r.OK != (code == 0) {
		t.Errorf("ok %t, exit code %d", r.OK, code)
	}
	return findings, order, code
}

func expect(t *testing.T, f finding, level string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if f.Level != level || !strings.Contains(f.Message+"\n"+f.Hint, p) {
			t.Errorf("%+v\nwant %s with %q", f, level, p)
		}
	}
}

// C8: doctor in a project that is all right: every subject has its line, in this order.
func TestC8Doctor(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	got, order, code := doctor(t, dir)
	if code != 0 {
		t.Errorf("exit %d: %+v", code, got)
	}
	want := []string{
		"hotreload", "project", "config", "program", "session", "fs.inotify.max_user_watches", "fs.inotify.max_user_instances",
		"open files", "file system", "cache", "go", "GOFLAGS", "GOCACHE", "cgo", "terminal", "environment",
	}
	order = slices.DeleteFunc(order, func(o string) bool { return o == "first launch" }) // it may be slow on a busy machine
	for i, o := range order {                                                            // the kernel has each limit twice; the lower one binds
		order[i] = strings.NewReplacer("user.max_inotify_", "fs.inotify.max_user_").Replace(o)
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Error(diff)
	}
	expect(t, got["project"], "ok", dir)
	expect(t, got["program"], "ok", "web, from package .")
	expect(t, got["session"], "ok", "none is running here")
	expect(t, got["go"], "ok", "go1.")
	expect(t, got["terminal"], "ok", "none: plain lines")

	// For people: a line each.
	cmd := exec.Command(hotreload, "doctor", "-C", dir)
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "\nok ") < 8 || !strings.Contains(string(out), "program ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// C8: what is wrong is said, with what to do.
func TestC8DoctorFinds(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	t.Run("config", func(t *testing.T) {
		files := maps.Clone(webApp)
		files[".hotreload.toml"] = "[run]\nstdinn = \"app\"\n"
		got, _, code := doctor(t, newApp(t, files))
		expect(t, got["config"], "fail", ".hotreload.toml:2:1")
		if code != 1 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("several programs", func(t *testing.T) {
		files := maps.Clone(webApp)
		delete(files, "main.go")
		delete(files, "version.go")
		files["cmd/a/main.go"], files["cmd/b/main.go"] = "package main\n\nfunc main() {}\n", "package main\n\nfunc main() {}\n"
		got, _, code := doctor(t, newApp(t, files))
		expect(t, got["program"], "warn", "2 main packages", "hotreload run ./cmd/a", "build.package")
		if code != 0 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("go", func(t *testing.T) {
		got, _, _ := doctor(t, newApp(t, webApp), "PATH=/nonexistent")
		expect(t, got["go"], "fail", "not on PATH", "install Go")
	})
	t.Run("GOFLAGS and target", func(t *testing.T) {
		got, _, _ := doctor(t, newApp(t, webApp), "GOFLAGS=-a", "GOOS=windows")
		expect(t, got["GOFLAGS"], "warn", "-a")
		expect(t, got["target"], "warn", "windows/", "GOOS")
		// A word of a quoted flag is no flag.
		got, _, _ = doctor(t, newApp(t, webApp), `GOFLAGS='-ldflags=-X main.v=x -a' -n=false`)
		expect(t, got["GOFLAGS"], "ok", "main.v=x -a")
		got, _, _ = doctor(t, newApp(t, webApp), `GOFLAGS='-n=true'`)
		expect(t, got["GOFLAGS"], "fail", "-n builds nothing")
	})
	t.Run("cache program", func(t *testing.T) {
		files := maps.Clone(webApp)
		files[".hotreload.toml"] = "[build]\nenv = { GOCACHEPROG = \"'no such program' --key secret\" }\n"
		got, _, code := doctor(t, newApp(t, files))
		expect(t, got["GOCACHEPROG"], "fail", "no such program", "no build works")
		if code != 1 {
			t.Errorf("exit %d", code)
		}
		got, _, _ = doctor(t, newApp(t, webApp), "GOCACHEPROG=true --key secret")
		if f := got["GOCACHEPROG"]; f.Level != "ok" || strings.Contains(f.Message, "secret") {
			t.Errorf("%+v", f)
		}
	})
	t.Run("cache", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, "")
		got, _, code := doctor(t, newApp(t, webApp), "XDG_CACHE_HOME="+file)
		expect(t, got["cache"], "fail", file, "XDG_CACHE_HOME")
		if code != 1 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("first launch", func(t *testing.T) {
		real, err := exec.LookPath("go")
		if err != nil {
			t.Fatal(err)
		}
		// The programs of this toolchain are slow when they are started for the first time.
		bin := t.TempDir()
		write(t, filepath.Join(bin, "go"), "#!/bin/sh\n[ \"$1\" = build ] || exec "+real+" \"$@\"\n"+
			"printf '#!/bin/sh\\nmkdir \"$0.seen\" 2>/dev/null && sleep 0.5\\nexit 0\\n' > \"$3\"\nchmod +x \"$3\"\n")
		// On a busy machine the second start may be slow as well, or all takes too long to be measured.
		var got map[string]finding
		var code int
		for range 20 {
			got, _, code = doctor(t, newApp(t, webApp), "PATH="+bin+":/usr/bin:/bin")
			if got["first launch"].Level == "warn" {
				break
			}
		}
		expect(t, got["first launch"], "warn", "a new program takes ", "scans each new program", "antivirus")
		if code != 0 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("GOCACHE", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		write(t, file, "")
		got, _, _ := doctor(t, newApp(t, webApp), "GOCACHE="+file)
		expect(t, got["GOCACHE"], "fail", file)
	})
	t.Run("inside a session", func(t *testing.T) {
		got, _, _ := doctor(t, newApp(t, webApp), "HOTRELOAD=1")
		expect(t, got["environment"], "ok", "no relevant variables")
	})
}

// C8, R7: the ports that the config names, and who has them: a stranger, or this session.
func TestC8DoctorPorts(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	free := testkit.Address(t)
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = fmt.Sprintf("[run]\nready = \"tcp:%s\"\nready_timeout = \"60s\"\n[control]\nlisten = %q\n", free, l.Addr())
	dir := newApp(t, files)
	got, _, code := doctor(t, dir)
	expect(t, got["control.listen"], "fail", fmt.Sprintf("%s is taken by pid %d", l.Addr(), os.Getpid()))
	expect(t, got["run.ready"], "ok", free+" is free")
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	l.Close()

	s := start(t, dir, nil, withEnv("ADDR="+free))
	s.waitFor("live")
	got, _, code = doctor(t, dir)
	expect(t, got["session"], "ok", fmt.Sprintf("pid %d", s.cmd.Process.Pid), "web live")
	expect(t, got["control.listen"], "ok", "this project's session")
	expect(t, got["run.ready"], "ok", "this project's session")
	if code != 0 {
		t.Errorf("exit %d: %+v", code, got)
	}
	s.stop(syscall.SIGTERM)
}

// C8: the toolchain is looked at where the build finds it, and the one service's is not
// taken for another's.
func TestC8DoctorPathOfTheConfig(t *testing.T) {
	t.Parallel()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = fmt.Sprintf("[services.web]\nbuild = { package = \".\", env = { PATH = %q } }\n[services.two]\nbuild.package = \".\"\n",
		filepath.Dir(real)+":/usr/bin:/bin")
	got, _, _ := doctor(t, newApp(t, files), "PATH="+t.TempDir())
	expect(t, got["go"], "ok", real)
	expect(t, got["program"], "fail", "the go command is not on PATH")
}
