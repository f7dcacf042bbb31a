//go:build unix

package e2e

import (
	"context"
	"os/exec"
	"testing"
)

// C8: without a network all of them work, and none waits for one.
func TestC8Offline(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	if out, err := exec.Command(unshare, "-Urn", "true").CombinedOutput(); err != nil {
		t.Skipf("no network name space may be made here: %s", out)
	}
	dir := newApp(t, webApp)
	for _, args := range [][]string{
		{"check"}, {"check", "--json"}, {"why", "lib/lib.go"}, {"doctor"}, {"doctor", "--json"}, {"schema"},
		{"completion", "bash"}, {"version"}, {"--help"}, {"init"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		cmd := exec.CommandContext(ctx, unshare, append([]string{"-Urn", hotreload}, args...)...)
		cmd.Dir, cmd.Env = dir, cleanEnv()
		out, err := cmd.CombinedOutput()
		if err != nil || len(out) == 0 {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		cancel()
	}
}
