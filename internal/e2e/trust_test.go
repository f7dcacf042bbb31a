package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bad input: what goes by the name of the config is no file, or does not end. Every command
// answers, and says what it is; so it is for a config that is named.
func TestS0ConfigIsNoFile(t *testing.T) {
	t.Parallel()
	ways := map[string]func(path string) error{"is larger than 1 MiB": func(p string) error { return os.WriteFile(p, make([]byte, 1<<20+1), 0o600) }}
	maps.Copy(ways, noFiles)
	for text, put := range ways {
		dir := newApp(t, webApp)
		for _, name := range []string{".hotreload.toml", "named.toml"} {
			if err := put(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"run", "--once"}, {"check"}, {"why", "main.go"}, {"check", "-c", "named.toml"}, {"run", "-c", "named.toml"}} {
			if out, code := hr(t, dir, args...); code != 2 || !strings.Contains(out, text) {
				t.Errorf("%s: %v: exit %d: %s", text, args, code, out)
			}
		}
		if out, code := hr(t, dir, "init", "--force", "--from", "named.toml"); code == 0 || !strings.Contains(out, "named.toml "+text) {
			t.Errorf("%s: init --from: exit %d: %s", text, code, out)
		}
		// These only ask where the session is.
		if out, code := hr(t, dir, "status"); code != 2 || !strings.Contains(out, "no session") {
			t.Errorf("%s: status: exit %d: %s", text, code, out)
		}
	}
}
