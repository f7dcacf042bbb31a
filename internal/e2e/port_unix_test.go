//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// R7: the port is taken by a stranger: it is named with pid and command, and left alone;
// when the port is free, the next restart works.
func TestR7PortTaken(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, c := range map[string]struct{ listen, say string }{
		"same address":            {"127.0.0.1:0", ""},
		"all interfaces":          {":0", ""},
		"said on stdout":          {"127.0.0.1:0", `fmt.Println(err)`},
		"in JSON":                 {"127.0.0.1:0", `fmt.Printf("{\"time\":\"12:30:59\",\"err\":%q}\n", err)`},
		"without the address":     {"127.0.0.1:0", `fmt.Fprintln(os.Stderr, "Error: Os { code: 98, kind: AddrInUse }")`},
		"and the program goes on": {"127.0.0.1:0", `fmt.Fprintln(os.Stderr, err); select {}`},
	} {
		t.Run(name, func(t *testing.T) {
			stranger, err := net.Listen("tcp", c.listen)
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(stranger.Addr().String())
			files := maps.Clone(webApp)
			if c.say != "" {
				files["main.go"] = strings.Replace(files["main.go"], `fmt.Fprintln(os.Stderr, err)`, c.say, 1)
			}
			s := start(t, newApp(t, files), nil, withEnv("ADDR=127.0.0.1:"+port))
			e := s.wait("who has it", func(e ev) bool { return e.Event == "problem" })
			want := fmt.Sprintf("127.0.0.1:%s: the address is used by pid %d (%s", port, os.Getpid(), os.Args[0])
			if !strings.Contains(e.str("message"), want) || !strings.Contains(e.str("hint"), fmt.Sprintf("kill %d", os.Getpid())) {
				t.Errorf("%s\nwant %s", e.line, want)
			}
			conn, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal("the stranger does not listen any more")
			}
			conn.Close()
			stranger.Close()
			s.edit("version.go", "one", "two")
			s.waitFor("live")
			if got := s.get("127.0.0.1:"+port, "/"); !strings.Contains(got, "version=two") {
				t.Error(got)
			}
			s.stop(syscall.SIGTERM)
		})
	}
}
