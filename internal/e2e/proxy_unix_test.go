//go:build unix

package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// T9: behind the proxy, a program that a signal has stopped does not answer: the proxy says so,
// also while the build is broken, and passes requests on when it goes on.
func TestT9SuspendedPage(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startProxy(t, portApp(false))
	app := w.status().Services[0].PID
	get := func() string { return w.get(w.addr, "/") }
	for _, broken := range []bool{false, true} {
		if broken {
			write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
			w.waitFor("build_finished")
		}
		_ = syscall.Kill(app, syscall.SIGSTOP)
		w.waitFor("waiting")
		if got := get(); !strings.Contains(got, "the program is suspended by SIGSTOP") {
			t.Errorf("%q", got)
		}
		_ = syscall.Kill(app, syscall.SIGCONT)
		if broken { // it is never live again
			until(t, "the program is no longer said to be suspended", func() bool { return !strings.Contains(get(), "suspended") })
			continue
		}
		w.waitFor("live")
		if got := get(); !strings.Contains(got, "version=one") {
			t.Errorf("%q", got)
		}
	}
}
