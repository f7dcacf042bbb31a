package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// E5, P21: a config that was repaired says so, also when nothing differs; arguments of the command
// line win, so an edit of run.args restarts nothing; a rule's line names the glob that matched; and
// the address of a proxy is reported when it is added or moved, and only then.
func TestE5ConfigWords(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	base := "[[rules]]\npaths = [\"*.never\", \"*.none\"]\neffect = \"none\"\ncommand = " + does() + "\n[run]\nargs = "
	files := script(`
	http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
`, "net/http", "os")
	files[".hotreload.toml"] = base + "[\"a\"]\n"
	s := start(t, newApp(t, files), []string{"--", "from", "the", "command", "line"})
	s.waitFor("live")
	pid := s.status().Services[0].PID
	config := filepath.Join(s.dir, ".hotreload.toml")
	applied := func(text string) ev {
		t.Helper()
		write(t, config, text)
		return s.applied()
	}
	if e := applied(base + "[\"b\"]\n"); e.str("effect") != "none" {
		t.Errorf("%s", e.line)
	}
	write(t, config, base+"[\n")
	s.waitFor("problem")
	applied(base + "[\"b\"]\n")
	write(t, filepath.Join(s.dir, "x.none"), "1")
	if e := s.wait("the rule", func(e ev) bool { return e.Event == "changed" && e.Service != "" }); e.str("why") != "rule *.none" {
		t.Errorf("%s", e.line)
	}
	s.settle()
	if now := s.status().Services[0].PID; now != pid {
		t.Errorf("pid %d, was %d", now, pid)
	}
	for _, want := range []string{"config  .hotreload.toml: the config is applied\n", "fixed   .hotreload.toml: the config is applied\n", "command x.none: rule *.none\n"} {
		if !strings.Contains(s.err.String(), want) {
			t.Errorf("%q was not said", want)
		}
	}
	for range 2 {
		url := testkit.Address(t)
		applied(base + "[]\n[proxy]\nlisten = \"" + url + "\"\n")
		if e := s.waitFor("proxy"); e.str("url") != "http://"+url {
			t.Errorf("%s", e.line)
		}
		s.waitFor("live")
		if got := s.status().Services[0].ProxyURL; got != "http://"+url {
			t.Errorf("status: %q", got)
		}
		if !strings.Contains(s.command("status"), "open http://"+url) || !strings.Contains(s.err.String(), "open    http://"+url+"\n") {
			t.Errorf("%s is not said", url)
		}
		mark := s.mark()
		applied(base + "[]\n[proxy]\nhold = \"3s\"\nlisten = \"" + url + "\"\n")
		s.waitFor("live")
		if count(s.since(mark), "proxy") != 0 {
			t.Error("said again")
		}
	}
}
