//go:build unix

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// Z3: with sockets and without a proxy. What a program has to print is said, because on a busy machine one
// that ends at once can have lived for 300 ms.
func TestZ3Sockets(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	addr := testkit.Address(t)
	sock := filepath.Join(shortTempDir(t), "x.sock")
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/activated\n\ngo 1.25\n",
		"main.go":         activatedApp,
		"version.go":      "package main\n\nconst Version = \"one\"\n",
		".hotreload.toml": fmt.Sprintf("[run]\norder = \"start-first\"\nready = \"log:^serving\"\nlisten = [\"web=%s\", \"unix:%s\"]\n", addr, sock),
	})
	s := start(t, dir, nil)
	w := &web{session: s, addr: addr}
	w.waitFor("live")
	write(t, filepath.Join(dir, "version.go"), broken[0].version)
	w.wait("the word that the old one goes on", func(e ev) bool { return e.Event == "held" && strings.Contains(e.str("reason"), "keeps serving") })
	if got := w.get(addr, "/"); !strings.HasPrefix(got, "version=one") {
		t.Errorf("%q", got)
	}
	w.setVersion("two")
	w.waitFor("live")
	until(t, "the new one alone answers", func() bool { return strings.HasPrefix(w.get(addr, "/"), "version=two") })
	w.stop(syscall.SIGTERM)
}
