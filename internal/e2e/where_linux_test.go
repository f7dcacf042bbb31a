package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// E9: --once passes on how the program ended: 128 and the number of any signal.
func TestE9OnceSignals(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for n := 1; n <= 31; n++ {
		switch n {
		case 17, 18, 19, 20, 21, 22, 23, 28: // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH end no process
			continue
		}
		dir := shell(t, fmt.Sprintf("[run]\ncommand = [\"sh\", \"-c\", \"kill -%d $$\"]\n", n))
		if a := ask(t, dir, "run", "--once"); a.code != 128+n {
			t.Errorf("signal %d: exit %d, want %d\n%s", n, a.code, 128+n, a.err)
		}
	}
}

// R7: an address that hotreload itself wants is taken: its owner is named.
func TestR7OwnAddressTaken(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, webApp)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr, owner := l.Addr().String(), fmt.Sprintf("is taken by pid %d (", os.Getpid())
	for _, set := range []string{"control.listen=" + addr, "proxy.listen=" + addr, fmt.Sprintf("run.listen=[%q]", addr)} {
		key, _, _ := strings.Cut(set, "=")
		a := ask(t, dir, "run", "--set", set)
		if a.code != 1 || !strings.Contains(a.err, key+": "+addr+" "+owner) || !strings.Contains(a.err, "hint: ") {
			t.Errorf("%s: %+v", set, a)
		}
	}
	// By an edit of the config, too.
	w := startWeb(t, dir, nil)
	for _, table := range []string{"[control]", "[proxy]"} {
		write(t, filepath.Join(dir, ".hotreload.toml"), fmt.Sprintf("%s\nlisten = %q\n", table, addr))
		w.wait("the problem", func(e ev) bool { return e.Event == "problem" && strings.Contains(e.str("message"), addr+" "+owner) })
	}
}

// A program that listens elsewhere than run.ready or proxy.app say: where it does is said.
func TestR13ListensElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ config, key string }{
		"tcp":   {"[run]\nready = \"tcp:%s\"\n", "run.ready = \"tcp:%s\""},
		"http":  {"[run]\nready = \"http://%s/up?x=1\"\n", "run.ready = \"http://%s/up?x=1\""},
		"proxy": {"[proxy]\nlisten = \"127.0.0.1:0\"\napp = \"%s\"\n", "proxy.app = \"%s\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := maps.Clone(webApp)
			wrong, addr := testkit.Address(t), testkit.Address(t)
			files[".hotreload.toml"] = fmt.Sprintf(c.config, wrong)
			s := start(t, newApp(t, files), []string{"--set", "run.ready_timeout=2s"}, withEnv("ADDR="+addr))
			e := s.wait("not ready", func(e ev) bool { return e.Event == "problem" && strings.Contains(e.str("message"), "not ready") })
			if !strings.Contains(e.str("message"), "it listens on "+addr) || !strings.Contains(e.str("hint"), fmt.Sprintf(c.key, addr)) {
				t.Errorf("%s", e.line)
			}
		})
	}
}
