package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/testkit"
)

// page is an answer of the proxy.
type page struct {
	code  int
	stale string
	body  string
}

func (w *web) page() page {
	w.t.Helper()
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + w.addr + "/")
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.dump())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return page{resp.StatusCode, resp.Header.Get("X-Hotreload-Stale"), string(body)}
}

// shows fails unless the page is that of the version, marked as stale or not.
func (w *web) shows(version string, stale bool) {
	w.t.Helper()
	if p := w.page(); p.code != 200 || !strings.Contains(p.body, "version="+version) || (p.stale != "") != stale {
		w.t.Errorf("want version %s, stale %t: %+v\n%s", version, stale, p, w.dump())
	}
}

// outcome is what `wait --json` says of the only service.
func (w *web) outcome() (code int, st control.ServiceStatus) {
	w.t.Helper()
	out, code := hr(w.t, w.dir, "wait", "--json")
	var o control.Outcome
	if err := json.Unmarshal([]byte(out), &o); err != nil || len(o.Services) != 1 {
		w.t.Fatalf("wait: exit %d: %v: %s\n%s", code, err, out, w.dump())
	}
	return code, o.Services[0]
}

// broken are programs that build and do not come up.
var broken = []struct{ name, version, cause string }{
	{"dies", `package main

const Version = "bad"

func init() { panic("boom") }
`, "panic: boom"},
	{"not ready", `package main

import "time"

const Version = "bad"

func init() { time.Sleep(time.Hour) }
`, "not ready within 700ms"},
}

// Z3: start-first: the old program answers until the new one is ready, and goes on,
// marked as stale, if that dies or is not ready in time.
func TestZ3StartFirst(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			w := startProxy(t, portApp(true), "--set", "run.order=start-first", "--set", "run.ready_timeout=700ms")
			pid := w.pids()["port"]
			write(t, filepath.Join(w.dir, "version.go"), c.version)
			e := w.wait("the cause", func(e ev) bool {
				return e.Event == "exited" && strings.Contains(e.str("reason"), c.cause) || e.Event == "problem" && strings.Contains(e.str("message"), c.cause)
			})
			if e.Generation != 2 {
				t.Errorf("generation of the cause: %s", e.line)
			}
			w.wait("the word that the old one goes on", func(e ev) bool {
				return e.Event == "held" && strings.Contains(e.str("reason"), "generation 1 keeps serving")
			})
			code, st := w.outcome()
			if code != 1 || st.State != "failed" || !st.Stale || st.PID != pid || !strings.Contains(st.Error, strings.TrimPrefix(c.cause, "panic: ")) {
				t.Errorf("wait: exit %d, %+v; the old one has pid %d", code, st, pid)
			}
			w.shows("one", true)
			if n := count(w.since(0), "live"); n != 1 {
				t.Errorf("%d times live", n)
			}
			mark := w.mark()
			w.setVersion("fixed")
			w.waitFor("live")
			w.shows("fixed", false)
			// The old program ends only after the new one is live.
			w.wait("the end of the old one", func(e ev) bool { return e.Event == "exited" && e.num("pid") == pid })
			var order []string
			for _, e := range w.since(mark) {
				switch e.Event {
				case "started", "ready", "live", "exited":
					order = append(order, e.Event)
				}
			}
			if got := strings.Join(order, " "); got != "started ready live exited" {
				t.Errorf("order of events: %s", got)
			}
			w.stop(syscall.SIGTERM)
		})
	}
}

// Z4: rollback: the new program does not come up, so the one that was live last runs
// again; that is said, and every answer is marked.
func TestZ4Rollback(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			w := startProxy(t, portApp(true), "--set", "run.rollback=true", "--set", "run.ready_timeout=700ms")
			pid := w.pids()["port"]
			write(t, filepath.Join(w.dir, "version.go"), c.version)
			w.wait("the cause", func(e ev) bool {
				return e.Event == "exited" && strings.Contains(e.str("reason"), c.cause) || e.Event == "problem" && strings.Contains(e.str("message"), c.cause)
			})
			w.wait("the loud word", func(e ev) bool {
				return e.Event == "problem" && strings.Contains(e.str("message"), "rolled back to generation 1")
			})
			w.wait("ready", func(e ev) bool { return e.Event == "ready" && e.Generation == 1 })
			w.shows("one", true)
			code, st := w.outcome()
			if code != 1 || st.State != "failed" || !st.Stale || st.PID == 0 || st.PID == pid || st.Running != 1 {
				t.Errorf("wait: exit %d, %+v; the first one had pid %d", code, st, pid)
			}
			w.setVersion("fixed")
			w.waitFor("live")
			w.shows("fixed", false)
			w.stop(syscall.SIGTERM)
		})
	}
}

// Z5: a program that ignores PORT, or LISTEN_FDS: explained.
func TestZ5Explained(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	addr := testkit.Address(t)
	t.Run("PORT", func(t *testing.T) {
		front := testkit.Address(t)
		s := start(t, newApp(t, webApp), []string{"--set", "proxy.listen=" + front}, withEnv("ADDR="+addr))
		began := time.Now()
		e := s.wait("the explanation", func(e ev) bool { return e.Event == "problem" })
		if !strings.Contains(e.str("message"), "listens on "+addr+", not on the port that it was given: PORT=") ||
			!strings.Contains(e.str("hint"), fmt.Sprintf("proxy.app = %q", addr)) {
			t.Errorf("after %v: %s", time.Since(began), e.line)
		}
		// P20: it is adopted: the program is live there, and the proxy leads to it.
		s.wait("live", func(e ev) bool { return e.Event == "live" })
		res, err := http.Get("http://" + front)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || !strings.Contains(string(b), "version=") {
			t.Errorf("%v %s %s", err, res.Status, b)
		}
		s.stop(syscall.SIGTERM)
	})
	t.Run("LISTEN_FDS", func(t *testing.T) {
		s := start(t, newApp(t, webApp), []string{"--set", "run.listen=[\"" + addr + "\"]"}, withEnv("ADDR="+addr))
		e := s.wait("the explanation", func(e ev) bool { return e.Event == "problem" })
		if !strings.Contains(e.str("message"), addr+", which hotreload holds open for it") || !strings.Contains(e.str("hint"), "LISTEN_FDS") {
			t.Errorf("%s", e.line)
		}
		s.stop(syscall.SIGTERM)
	})
	for name, c := range map[string]struct {
		set           []string
		message, hint string
	}{
		"the address of the proxy": {
			[]string{"--set", "proxy.listen=" + addr},
			"where hotreload's proxy in front of it listens", "let it listen on $PORT",
		},
		"the address of the proxy of an app elsewhere": {
			[]string{"--set", "proxy.listen=" + addr, "--set", "proxy.app=127.0.0.1:1"},
			"where hotreload's proxy in front of it listens", "let it listen on 127.0.0.1:1, which proxy.app names",
		},
		"the address of the API": {
			[]string{"--set", "control.listen=" + addr},
			"where hotreload's own API listens", "give control.listen another port",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, newApp(t, webApp), c.set, withEnv("ADDR="+addr))
			e := s.wait("the explanation", func(e ev) bool { return e.Event == "problem" })
			if !strings.Contains(e.str("message"), "web wants to listen on "+addr+", "+c.message) || !strings.Contains(e.str("hint"), c.hint) {
				t.Errorf("%s", e.line)
			}
			s.stop(syscall.SIGTERM)
		})
	}
}
