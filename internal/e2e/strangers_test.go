package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// Bad input: what a web page could send to the control address is refused with the
// reason, on every path, and does nothing.
func TestS0ForeignOrigin(t *testing.T) {
	t.Parallel()
	addr := testkit.Address(t)
	s := start(t, shell(t, "[control]\nlisten = \""+addr+"\"\n"+sleeper("a", "")), nil)
	s.each("live", "a")
	before := s.status().Services[0]
	_, port, _ := strings.Cut(addr, ":")
	do := func(method, path string, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				req.Host = header[i+1]
			} else {
				req.Header[header[i]] = []string{header[i+1]}
			}
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for k := range resp.Header {
			if strings.HasPrefix(k, "Access-Control") {
				t.Errorf("%s: %s", path, k)
			}
		}
		if resp.StatusCode == http.StatusOK {
			return resp.StatusCode, ""
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var refusal struct{ Error string }
		if err := json.Unmarshal(body, &refusal); err != nil {
			t.Errorf("%s: %v: %s", path, err, body)
		}
		return resp.StatusCode, refusal.Error
	}
	for _, c := range []struct {
		name   string
		header []string
		reason string
	}{
		{"foreign origin", []string{"Origin", "https://evil.example"}, "https://evil.example"},
		{"no origin", []string{"Origin", "null"}, "web pages"},
		{"empty origin", []string{"Origin", ""}, "web pages"},
		{"own origin", []string{"Origin", "http://" + addr}, "web pages"},
		{"other site", []string{"Sec-Fetch-Site", "cross-site"}, "web pages"},
		{"same site", []string{"Sec-Fetch-Site", "same-origin"}, "web pages"},
		{"rebound name", []string{"Host", "evil.example:" + port}, `"evil.example:` + port + `" is not this machine: use localhost`},
		{"number of another machine", []string{"Host", "192.0.2.1"}, "is not this machine"},
		{"the name on the socket", []string{"Host", "hotreload:" + port}, "is not this machine"},
		{"the same, without a port", []string{"Host", "hotreload"}, "is not this machine"},
		{"a name that a network completes", []string{"Host", "localhost.:" + port}, "is not this machine"},
		{"every number", []string{"Host", "0.0.0.0:" + port}, "is not this machine"},
	} {
		for _, r := range []string{"GET /status", "GET /events", "GET /wait", "POST /restart", "POST /rebuild", "POST /pause", "POST /resume", "POST /stop", "POST /stop?service=a"} {
			method, path, _ := strings.Cut(r, " ")
			if code, text := do(method, path, c.header...); code != http.StatusForbidden || !strings.Contains(text, c.reason) {
				t.Errorf("%s, %s: %d %q, want 403 with %q", c.name, r, code, text, c.reason)
			}
		}
	}
	for _, header := range [][]string{nil, {"Host", "localhost:" + port}, {"Host", "[::1]:" + port}, {"Sec-Fetch-Site", "none"}} {
		if code, text := do("GET", "/status", header...); code != http.StatusOK {
			t.Errorf("%v: %d %s", header, code, text)
		}
	}
	if code, text := do("POST", "/restart?service=nobody"); code != http.StatusNotFound || text != `no such service: "nobody"; there is a` {
		t.Errorf("unknown service: %d %s", code, text)
	}
	after := s.status()
	if now := after.Services[0]; now.PID != before.PID || now.Generation != before.Generation || now.State != "live" || after.Paused {
		t.Errorf("a refused request did something: %+v, was %+v", now, before)
	}
}
