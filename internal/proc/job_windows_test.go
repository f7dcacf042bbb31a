package proc

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/hotreload/hotreload/internal/testkit"
)

func init() { modes["listen"] = modeListen }

// modeListen listens, and says where.
func modeListen() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(l.Addr())
	l.Accept()
	return 0
}

// N5 (3, 22): who listens, from the system's table, and a program that is asked to end or, where it
// cannot be asked, is ended at once.
func TestGroupListens(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g, err := Start(Cmd{Path: exe, Env: selfEnv("listen"), Stdout: w})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(string(buf[:n]))
	checkListeners(t, g, addr)
	begun := time.Now()
	g.Stop(0, time.Hour)
	testkit.Receive(t, "gone", g.Gone())
	t.Logf("gone after %v; not asked: %v", time.Since(begun), g.StopErr())
	if len(g.Killed()) > 0 {
		t.Errorf("killed %v", g.Killed())
	}
}

// checkListeners is about a group that listens on addr.
func checkListeners(t *testing.T, g *Group, addr string) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Log("the table of Wine has not all processes")
		return
	}
	at, known := g.Listeners()
	if !known || len(at) != 1 || at[0].String() != addr {
		t.Errorf("%v %v, want %s", at, known, addr)
	}
	if o, found := PortOwner(addr); !found || o.PID != g.Pid() || o.Command == "" {
		t.Errorf("%v %v, want %d", o, found, g.Pid())
	}
	_, port, _ := net.SplitHostPort(addr)
	l, err := Listen("proxy.listen", ":"+port)
	if err == nil {
		l.Close()
	}
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(g.Pid())) {
		t.Errorf("all addresses of a port that another program has: %v", err)
	}
}
