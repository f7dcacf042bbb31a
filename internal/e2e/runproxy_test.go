package e2e

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// proxied is where the proxy of the only service is, by the status.
func (s *session) proxied() string {
	s.t.Helper()
	return strings.TrimPrefix(s.status().Services[0].ProxyURL, "http://")
}

// P20: `run --proxy` needs no config. The address is printed once, on the first live line, and is in
// the status. The next session of the project has the same one.
func TestP20RunProxy(t *testing.T) {
	t.Parallel()
	dir := newApp(t, portApp(true))
	first := ""
	for range 2 {
		s := start(t, dir, []string{"--proxy"})
		s.waitFor("live")
		addr := s.proxied()
		until(t, "the address is printed", func() bool { return strings.Contains(s.err.String(), "  http://"+addr+"\n") })
		if first == "" {
			first = addr
		}
		if addr == "" || addr != first {
			t.Errorf("at %q, and before at %q", addr, first)
		}
		if got := s.get(addr, "/"); !strings.Contains(got, "version=") {
			t.Errorf("%q", got)
		}
		s.edit("main.go", "method=%s", "method:%s")
		s.waitFor("live")
		if got := s.get(addr, "/"); !strings.Contains(got, "method:GET") {
			t.Errorf("%q", got)
		}
		write(t, filepath.Join(dir, "main.go"), portApp(true)["main.go"])
		s.waitFor("live")
		if text := s.err.String(); strings.Count(text, addr) != 1 || !strings.Contains(text, "  http://"+addr+"\n") ||
			!strings.HasPrefix(text[:strings.Index(text, addr)], "hotreload") || !strings.Contains(lineOf(text, addr), "live ") {
			t.Errorf("printed:\n%s", text)
		}
		s.stop(syscall.SIGTERM)
	}

	// The address of the project is taken: another one, and it works.
	stranger := &http.Server{Addr: first}
	go stranger.ListenAndServe()
	defer stranger.Close()
	until(t, "the address is taken", func() bool { c, err := http.Get("http://" + first); return err == nil && c.Body.Close() == nil })
	s := start(t, dir, []string{"--proxy"})
	s.waitFor("live")
	if addr := s.proxied(); addr == "" || addr == first || !strings.Contains(s.get(addr, "/"), "version=") {
		t.Errorf("at %q", addr)
	}
	s.stop(syscall.SIGTERM)
}

// lineOf is the line of a text that contains the word.
func lineOf(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}

// P20: `run --proxy=ADDR`, a port alone, and a config that has another address.
func TestP20RunProxyAt(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := portApp(true)
	one, two, three := testkit.Address(t), testkit.Address(t), testkit.Address(t)
	files[".hotreload.toml"] = "[proxy]\nlisten = \"" + one + "\"\n"
	dir := newApp(t, files)
	for _, c := range []struct{ flag, want string }{
		{"--proxy", one},
		{"--proxy=" + two, two},
		{"--proxy=" + strings.TrimPrefix(three, "127.0.0.1:"), three},
	} {
		s := start(t, dir, []string{c.flag})
		s.waitFor("live")
		if addr := s.proxied(); addr != c.want || !strings.Contains(s.get(addr, "/"), "version=") {
			t.Errorf("%s: at %q", c.flag, addr)
		}
		s.stop(syscall.SIGTERM)
	}
}

// P20: a program that listens on another port, of either family. The proxy leads to it; that is
// reported once, and not again after a save.
func TestP20RunProxyFixedPort(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for name, host := range map[string]string{"IPv4": "127.0.0.1", "IPv6": "[::1]"} {
		t.Run(name, func(t *testing.T) {
			_, port, _ := strings.Cut(testkit.Address(t), ":")
			files := portApp(true)
			files["main.go"] = strings.Replace(files["main.go"], `"127.0.0.1:" + os.Getenv("PORT")`, fmt.Sprintf("%q", host+":"+port)+` + os.Getenv("NONE")`, 1)
			s := start(t, newApp(t, files), []string{"--proxy"})
			e := s.wait("the explanation", func(e ev) bool { return e.Event == "problem" })
			if !strings.Contains(e.str("message"), ":"+port) || !strings.Contains(e.str("message"), "the proxy connects to it there") {
				t.Errorf("%s", e.line)
			}
			s.waitFor("live")
			addr := s.proxied()
			mark := s.mark()
			for _, v := range []string{"two", "three"} {
				write(t, filepath.Join(s.dir, "version.go"), fmt.Sprintf("package main\n\nconst Version = %q\n", v))
				s.waitFor("live")
				if got := s.get(addr, "/"); !strings.Contains(got, "version="+v) {
					t.Errorf("%q", got)
				}
			}
			if n := count(s.since(mark), "problem"); n != 0 {
				t.Errorf("reported %d times more", n)
			}
			s.stop(syscall.SIGTERM)
		})
	}
}

// P20: what --proxy cannot mean is refused with the way to say it.
func TestP20RunProxyRefused(t *testing.T) {
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod":          "module example.test/two\n\ngo 1.25\n",
		"a/main.go":       "package main\n\nfunc main() {}\n",
		"b/main.go":       "package main\n\nfunc main() {}\n",
		".hotreload.toml": "[services.a]\n[services.b]\n",
	})
	for name, c := range map[string]struct {
		args []string
		say  []string
	}{
		"several services":   {[]string{"--proxy"}, []string{"--proxy is for one program", "[services.NAME]"}},
		"with --once":        {[]string{"--once", "--proxy"}, []string{"--once runs the program without a proxy"}},
		"without =":          {[]string{"--proxy", "8090"}, []string{"--proxy=8090"}},
		"address without =":  {[]string{"--proxy", "127.0.0.1:8090"}, []string{"--proxy=127.0.0.1:8090"}},
		"no address":         {[]string{"--proxy="}, []string{"--proxy= without an address"}},
		"not an address":     {[]string{"--proxy=here"}, []string{"--proxy: ", "expected host:port"}},
		"TLS without a cert": {[]string{"--proxy=https://127.0.0.1:8443", "--set", "services.b.build.package=./b"}, []string{"--proxy is for one program"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, dir, c.args)
			if code := s.exit(); code != 2 {
				t.Errorf("exit %d", code)
			}
			for _, want := range c.say {
				if text := s.err.String(); !strings.Contains(text, want) {
					t.Errorf("printed:\n%s\nwant %q", text, want)
				}
			}
		})
	}
}

// P21: [proxy] is added to the config, moved, and taken away while the session runs. Each time the
// address is reported, and the status, the page and the program's environment have it.
func TestP21ProxyMoves(t *testing.T) {
	t.Parallel()
	control := testkit.Address(t)
	files := maps.Clone(webApp)
	rest := fmt.Sprintf("[control]\nlisten = %q\n[run.env]\nADDR = \"127.0.0.1:0\"\n", control)
	files[".hotreload.toml"] = rest
	s := start(t, newApp(t, files), nil)
	s.waitFor("live")
	page := func() string {
		resp, err := http.Get("http://" + control + "/__hotreload/api/status")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if s.proxied() != "" || strings.Contains(page(), "proxy_url") {
		t.Errorf("a proxy from nowhere: %s", page())
	}
	for _, step := range []string{"added", "moved"} {
		addr := testkit.Address(t)
		s.rewrite(rest + "[proxy]\nlisten = \"" + addr + "\"\n")
		if e := s.waitFor("proxy"); e.str("url") != "http://"+addr {
			t.Errorf("%s: %s", step, e.line)
		}
		s.waitFor("live")
		if got := s.proxied(); got != addr || !strings.Contains(page(), `"proxy_url":"http://`+addr+`"`) {
			t.Errorf("%s: the status has %q, the page %s", step, got, page())
		}
		if !strings.HasPrefix(s.status().PageURL, "http://"+addr+"/__hotreload/") {
			t.Errorf("%s: the page is at %q", step, s.status().PageURL)
		}
		until(t, step+": printed", func() bool { return strings.Contains(s.err.String(), "open    http://"+addr+"\n") })
		if text := s.err.String(); strings.Count(text, addr) != 1 {
			t.Errorf("%s: printed:\n%s", step, text)
		}
	}
	s.rewrite(rest)
	if e := s.waitFor("proxy"); e.str("url") != "" {
		t.Errorf("taken away: %s", e.line)
	}
	s.waitFor("live")
	if s.proxied() != "" || strings.Contains(page(), "proxy_url") || !strings.HasPrefix(s.status().PageURL, "http://"+control+"/") {
		t.Errorf("it is still there: %s, the page at %s", page(), s.status().PageURL)
	}
	until(t, "printed", func() bool { return strings.Contains(s.err.String(), "closed  the proxy is closed\n") })
	s.stop(syscall.SIGTERM)
}
