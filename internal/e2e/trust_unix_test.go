//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
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
