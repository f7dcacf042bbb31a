//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// C3: an address that a stranger has is found before the program is stopped: it keeps running
// with its old ones, and the edit is reported as not applied. One that only the program itself
// has is free when it has ended.
func TestC3AddressTaken(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	addr, proxy := testkit.Address(t), testkit.Address(t)
	l, err := net.Listen("tcp", testkit.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sock := filepath.Join(shortTempDir(t), "x.sock")
	u, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	busy := l.Addr().String()
	config := func(more string) string {
		return "[services.web]\nbuild.package = \".\"\n" + more + "\n" + sleeper("side", "")
	}
	dir := newApp(t, withFiles(webApp, ".hotreload.toml", config("")))
	w := &web{session: start(t, dir, nil, withEnv("ADDR="+addr)), addr: addr}
	w.each("live", "web", "side")
	before, pids := w.answer(), w.pids()
	for _, more := range []string{
		fmt.Sprintf("proxy.listen = %q", busy),
		fmt.Sprintf("run.listen = [%q]", busy),
		fmt.Sprintf("run.listen = [\"unix:%s\"]", sock),
	} {
		mark := w.mark()
		w.rewrite(config(more))
		if p := w.problemWith("config is not applied"); !strings.Contains(p.str("message"), busy) && !strings.Contains(p.str("message"), sock) {
			t.Errorf("%s: %s", more, p.line)
		}
		w.untouched(mark, before)
	}
	w.rewrite(config(""))
	w.applied()
	if now := w.pids(); !maps.Equal(now, pids) {
		t.Errorf("pids %v, were %v", now, pids)
	}
	// The proxy goes where the program was.
	w.rewrite(config(fmt.Sprintf("proxy = { listen = %q, app = %q }\nrun.env = { ADDR = %q }", addr, proxy, proxy)))
	w.applied()
	w.live()
	if a := w.answer(); a.pid == before.pid {
		t.Errorf("%+v", a)
	}
	if a := w.get(proxy, "/"); !strings.HasPrefix(a, "pid=") {
		t.Error(a)
	}
}

// C3: while a service that leaves takes its time to end, no stranger can take the address that another one will have: it
// was found free before anything was stopped, and stays so. An edit meanwhile gives it back.
func TestC3AddressReserved(t *testing.T) {
	t.Parallel()
	addr, first, proxy := testkit.Address(t), testkit.Address(t), testkit.Address(t)
	const side = "[services.side]\nrun.command = [\"sleep\", \"1000\"]\n"
	dir := newApp(t, withFiles(webApp, ".hotreload.toml", side+`
[services.old]
run.command = ["sh", "-c", "trap : TERM; while [ ! -e gone ]; do sleep 0.02; done"]
run.stop_timeout = "60s"
`))
	w := &web{session: start(t, dir, nil, withEnv("ADDR="+addr)), addr: addr}
	w.each("live", "side", "old")
	free := func(addr string) bool {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			l.Close()
		}
		return err == nil
	}
	web := func(more string) { w.rewrite(side + "[services.web]\nbuild.package = \".\"\n" + more); w.applied() }
	web(fmt.Sprintf("run.listen = [%q]\n", first))
	if free(first) {
		t.Error("the address of run.listen is free for others")
	}
	web(fmt.Sprintf("proxy = { listen = %q, app = %q }\n", proxy, addr))
	if !free(first) {
		t.Error("an address is kept that the config does not have any more")
	}
	if free(proxy) {
		t.Error("the address of proxy.listen is free for others")
	}
	write(t, filepath.Join(dir, "gone"), "")
	w.each("live", "web")
	if a := w.get(proxy, "/"); !strings.HasPrefix(a, "pid=") {
		t.Error(a)
	}
	if code := w.stop(syscall.SIGTERM); code != 0 || !free(proxy) {
		t.Errorf("exit code %d", code)
	}
}
