//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Bad input: another user's config in a directory above the project. No command obeys it,
// and the answer says how to insist.
func TestS0ConfigOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	above, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(above, 0o777|os.ModeSticky); err != nil { // like /tmp
		t.Fatal(err)
	}
	config, done := filepath.Join(above, ".hotreload.toml"), filepath.Join(above, "done")
	write(t, config, "[build]\nbefore = [\"touch '"+done+"'\"]\n[run]\ncommand = [\"true\"]\n")
	if err := os.Chown(config, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	// Without anything that says where the project ends, the config is found, and refused.
	bare := filepath.Join(above, "bare")
	write(t, filepath.Join(bare, "main.go"), "package main\nfunc main() {}\n")
	for _, args := range [][]string{{"run", "--once"}, {"check"}, {"why", "x"}} {
		out, code := hr(t, bare, args...)
		if code != 2 || !strings.Contains(out, config+" belongs to another user") || !strings.Contains(out, "hint: if you trust it, use --config "+config) {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
	}
	// In a module or a repository it is not even looked for.
	module := filepath.Join(above, "module")
	write(t, filepath.Join(module, "go.mod"), "module example.test/m\n\ngo 1.25\n")
	write(t, filepath.Join(module, "main.go"), "package main\nfunc main() { println(\"mine\") }\n")
	if out, code := hr(t, module, "run", "--once"); code != 0 || !strings.Contains(out, "mine") {
		t.Errorf("exit %d: %s", code, out)
	}
	if _, err := os.Lstat(done); err == nil {
		t.Fatal("a stranger's command was run")
	}
	if out, code := hr(t, bare, "run", "--once", "--config", config); code == 2 {
		t.Errorf("insisting does not help: %s", out)
	}
}

// Bad input: what goes by the name of the config is no file, or does not end. Every command
// answers, and says what it is; so it is for a config that is named.
func TestS0ConfigIsNoFile(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		make func(path string) error
		text string
	}{
		"pipe": {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "is a named pipe"},
		"zero": {func(p string) error { return os.Symlink("/dev/zero", p) }, "is a device"},
		"huge": {func(p string) error { return os.WriteFile(p, make([]byte, 1<<20+1), 0o600) }, "is larger than 1 MiB"},
	} {
		dir := newApp(t, webApp)
		for _, name := range []string{".hotreload.toml", "named.toml"} {
			if err := c.make(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"run", "--once"}, {"check"}, {"why", "main.go"}, {"check", "-c", "named.toml"}, {"run", "-c", "named.toml"}} {
			if out, code := hr(t, dir, args...); code != 2 || !strings.Contains(out, c.text) {
				t.Errorf("%s: %v: exit %d: %s", what, args, code, out)
			}
		}
		if out, code := hr(t, dir, "init", "--force", "--from", "named.toml"); code == 0 || !strings.Contains(out, "named.toml "+c.text) {
			t.Errorf("%s: init --from: exit %d: %s", what, code, out)
		}
		// These only ask where the session is.
		if out, code := hr(t, dir, "status"); code != 2 || !strings.Contains(out, "no session") {
			t.Errorf("%s: status: exit %d: %s", what, code, out)
		}
	}
}
