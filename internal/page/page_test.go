package page

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/places"
)

// server is a page behind its guard, as the proxy and the control API serve it. What the control
// API was asked for is added to asked.
func server(t *testing.T) (p *Page, s *httptest.Server, asked *[]string) {
	t.Helper()
	p, asked = New(), new([]string)
	p.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.RequestURI())
		io.WriteString(w, "{}")
	}))
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := (Access{}).Refuse(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return p, s, asked
}

// ask sends a request; headers are pairs.
func ask(t *testing.T, c *http.Client, method, target string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

var once = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// U4: with the address that is printed, a browser gets a cookie that no script and no other site can
// use, and its buttons work. Without it, everything can be seen and nothing changed.
func TestToken(t *testing.T) {
	p, s, asked := server(t)
	resp, _ := ask(t, once, "GET", p.URL(s.URL))
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != Prefix {
		t.Fatalf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	cookies := resp.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || cookies[0].Path != Prefix {
		t.Fatalf("cookies %v", cookies)
	}
	cookie := cookies[0].Name + "=" + cookies[0].Value
	for _, c := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"as the page does", []string{"Cookie", cookie, "Origin", s.URL, "Sec-Fetch-Site", "same-origin"}, 200},
		{"no cookie", []string{"Origin", s.URL}, 403},
		{"the cookie of another session", []string{"Cookie", cookies[0].Name + "=" + strings.Repeat("0", 32), "Origin", s.URL}, 403},
		{"an empty cookie", []string{"Cookie", cookies[0].Name + "=", "Origin", s.URL}, 403},
		{"no Origin", []string{"Cookie", cookie}, 403},
		{"another Origin", []string{"Cookie", cookie, "Origin", "http://evil.example"}, 403},
		{"another port", []string{"Cookie", cookie, "Origin", "http://127.0.0.1:1"}, 403},
		{"Origin null", []string{"Cookie", cookie, "Origin", "null"}, 403},
	} {
		*asked = nil
		resp, body := ask(t, once, "POST", s.URL+Prefix+"api/restart?service=web", c.headers...)
		if resp.StatusCode != c.want || (len(*asked) == 1) != (c.want == 200) {
			t.Errorf("%s: %s, asked %q: %s", c.name, resp.Status, *asked, body)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("the last of them reached the API: %q", *asked)
	}
	_, _ = ask(t, once, "POST", s.URL+Prefix+"api/restart?service=web", "Cookie", cookie, "Origin", s.URL)
	if len(*asked) != 1 || (*asked)[0] != "POST /restart?service=web" {
		t.Errorf("asked %q", *asked)
	}
	resp, _ = ask(t, once, "GET", s.URL+Prefix+"?token="+strings.Repeat("0", 32))
	if len(resp.Cookies()) != 0 {
		t.Error("a cookie for a wrong token")
	}
}

// U4, P19: who is refused, whatever he asks for.
func TestForeign(t *testing.T) {
	p, s, asked := server(t)
	u, _ := url.Parse(s.URL)
	for _, c := range []struct {
		name    string
		headers []string
		ok      bool
	}{
		{"by number", nil, true},
		{"localhost", []string{"Host", "localhost:" + u.Port()}, true},
		{"a name of localhost", []string{"Host", "app.localhost:" + u.Port()}, true},
		{"IPv6", []string{"Host", "[::1]:" + u.Port()}, true},
		{"a trailing dot", []string{"Host", "LOCALHOST.:" + u.Port()}, true},
		{"DNS rebinding (CVE-2025-24010)", []string{"Host", "evil.example:" + u.Port()}, false},
		{"a name that ends like localhost", []string{"Host", "notlocalhost"}, false},
		{"an address of the network", []string{"Host", "192.168.1.7"}, false},
		{"an IP literal as Origin (CVE-2025-30360)", []string{"Origin", "http://10.0.0.1"}, false},
		{"another port as Origin", []string{"Origin", "http://127.0.0.1:1"}, false},
		{"Origin null", []string{"Origin", "null"}, false},
		{"another site", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"another port's page", []string{"Sec-Fetch-Site", "same-site"}, false},
		{"X-Forwarded-For is not asked (CVE-2015-3224)", []string{"Host", "evil.example", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "localhost"}, false},
	} {
		for _, path := range []string{"", "page.js", "api/status", "api/logs", "?token=" + p.token} {
			*asked = nil
			resp, body := ask(t, once, "GET", s.URL+Prefix+path, c.headers...)
			if ok := resp.StatusCode < 400; ok != c.ok || !ok && len(*asked) > 0 {
				t.Errorf("%s: %q: %s: %.80s", c.name, path, resp.Status, body)
			}
			if len(resp.Header["Access-Control-Allow-Origin"]) > 0 || len(resp.Cookies()) > 0 && !c.ok {
				t.Errorf("%s: %q: headers %v", c.name, path, resp.Header)
			}
		}
	}
}

// Every answer forbids caching, guessing of types, and use by other sites; the page may load nothing
// from elsewhere, and nothing else than GET is answered but for commands.
func TestHeaders(t *testing.T) {
	_, s, _ := server(t)
	for path, want := range map[string]int{"": 200, "page.js": 200, "page.css": 200, "nothing": 404, "assets/page.html": 404, "../page.go": 404} {
		resp, _ := ask(t, once, "GET", s.URL+Prefix+path)
		if resp.StatusCode != want {
			t.Errorf("%q: %s, want %d", path, resp.Status, want)
		}
		for name, value := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); resp.StatusCode < 400 && got != value {
				t.Errorf("%q: %s: %q", path, name, got)
			}
		}
	}
	resp, _ := ask(t, once, "GET", s.URL+Prefix)
	if got := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") {
		t.Errorf("policy %q", got)
	}
	if resp, _ := ask(t, once, "POST", s.URL+Prefix); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}

// Only what the page needs of the control API can be had through it.
func TestCommands(t *testing.T) {
	_, s, asked := server(t)
	for _, path := range []string{"invocation", "wait", "events", "status/", "", "nothing", "../status"} {
		if resp, _ := ask(t, once, "GET", s.URL+Prefix+"api/"+path, "Host", "localhost"); resp.StatusCode < 400 {
			t.Errorf("%q: %s", path, resp.Status)
		}
	}
	if resp, _ := ask(t, once, "GET", s.URL+Prefix+"api/restart"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET restart: %s", resp.Status)
	}
	if len(*asked) > 0 {
		t.Errorf("the API was asked %q", *asked)
	}
}

// U4: what others have requested is shown, and sent again, only with the token.
func TestRequests(t *testing.T) {
	p, s, asked := server(t)
	cookie := p.cookie + "=" + p.token
	for _, c := range []struct {
		method, path string
		headers      []string
		want         int
	}{
		{"GET", "requests", []string{"Cookie", cookie}, 200},
		{"GET", "requests/7", []string{"Cookie", cookie}, 200},
		{"POST", "requests/7/replay", []string{"Cookie", cookie, "Origin", s.URL}, 200},
		{"POST", "requests/7/repeat?on=false", []string{"Cookie", cookie, "Origin", s.URL}, 200},
		{"GET", "requests", nil, 403},
		{"GET", "requests/7", []string{"Cookie", p.cookie + "=0"}, 403},
		{"GET", "requests", []string{"Cookie", cookie, "Origin", "http://evil.example"}, 403},
		{"POST", "requests/7/replay", []string{"Origin", s.URL}, 403},
		{"POST", "requests/7/replay", []string{"Cookie", cookie}, 403},
		{"POST", "requests/7/replay", []string{"Cookie", cookie, "Origin", "http://evil.example"}, 403},
		{"POST", "requests/7/repeat", []string{"Cookie", cookie, "Host", "evil.example", "Origin", "http://evil.example"}, 403},
		{"GET", "requests/7/replay", []string{"Cookie", cookie}, 404},
		{"POST", "requests", []string{"Cookie", cookie, "Origin", s.URL}, 404},
		{"GET", "requests/x", []string{"Cookie", cookie}, 404},
		{"GET", "requests/7/../../invocation", []string{"Cookie", cookie}, 404},
	} {
		*asked = nil
		resp, body := ask(t, once, c.method, s.URL+Prefix+"api/"+c.path, c.headers...)
		if resp.StatusCode != c.want || (len(*asked) == 1) != (c.want == 200) {
			t.Errorf("%s %s %q: %s, asked %q: %s", c.method, c.path, c.headers, resp.Status, *asked, body)
		}
	}
}

// The stream says when there is a new request, for the page to ask for it.
func TestStreamOfRequests(t *testing.T) {
	p, s, _ := server(t)
	resp, err := http.Get(s.URL + Prefix + "saves")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 2 {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
		}
		if !strings.Contains(lines.Text(), `"saves":[]`) {
			t.Fatalf("%q, %v", lines.Text(), lines.Err())
		}
		p.Requests.Add(inspect.Record{})
	}
}

// Before the control API is there, the page says that the session is starting.
func TestStarting(t *testing.T) {
	p := New()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest("GET", Prefix+"api/status", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

// U2: saves with much output come in several events, so that a browser that does not read keeps little. All of
// them come, and those that changed last are the last.
func TestStreamInPortions(t *testing.T) {
	p, s, _ := server(t)
	for n := range maxSaves {
		play(p.Timeline, changed(n+1, "rebuild", "/a.go"), gen(n+1, event.BuildFinished{Output: strings.Repeat("x", maxOutput)}))
	}
	play(p.Timeline, gen(1, event.BuildFinished{Output: strings.Repeat("y", maxOutput)}))
	resp, err := http.Get(s.URL + Prefix + "saves")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got, want []int
	for n := range maxSaves {
		want = append(want, n+2)
	}
	want[maxSaves-1] = 1
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	for len(got) < len(want) && lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		if n := len(lines.Bytes()); n > together+2*maxOutput {
			t.Errorf("an event of %d bytes", n)
		}
		var data struct{ Saves []struct{ Generation int } }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &data); err != nil {
			t.Fatal(err)
		}
		for _, s := range data.Saves {
			got = append(got, s.Generation)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%v\n%s", lines.Err(), diff)
	}
}

// The stream begins with what there is and goes on with what changes.
func TestStream(t *testing.T) {
	p, s, _ := server(t)
	play(p.Timeline, changed(1, "rebuild", "/a.go"))
	resp, err := http.Get(s.URL + Prefix + "saves")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	next := func() string {
		var b strings.Builder
		for one := make([]byte, 1); !strings.HasSuffix(b.String(), "\n\n"); {
			if _, err := io.ReadFull(resp.Body, one); err != nil {
				t.Fatal(err)
			}
			b.Write(one)
		}
		return b.String()
	}
	if got := next(); !strings.Contains(got, `"paths":["/a.go"]`) || !strings.Contains(got, `"may":false`) {
		t.Errorf("first %s", got)
	}
	play(p.Timeline, event.Event{Generation: 1, Body: event.Live{LatencyMS: 7}})
	if got := next(); !strings.Contains(got, `"state":"live"`) || !strings.Contains(got, `"latency_ms":7`) {
		t.Errorf("then %s", got)
	}
}

// U4: a click opens what was shown as a place, and nothing else: for the service whose place it is, and
// only for our own page.
func TestEdit(t *testing.T) {
	p, s, _ := server(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var ran [][]string
	p.LinkTo(func(_ context.Context, service string) places.Project {
		if service == "linked" {
			return places.Project{Dir: dir, Editor: "ed://{file}"}
		}
		return places.Project{Dir: dir, Command: []string{service, "{file}:{line}"}, Run: func(argv []string) error {
			ran = append(ran, argv)
			return nil
		}}
	})
	parts := p.Links(t.Context(), "a b").Linked("at main.go:7 and /etc/passwd.go:1")
	if len(parts) != 3 || parts[1].Text != "main.go:7" || !strings.HasPrefix(parts[1].Link, Prefix+"edit/a%20b?") {
		t.Fatalf("%q", parts)
	}
	link := parts[1].Link
	own := []string{"Origin", s.URL}
	for name, c := range map[string]struct {
		method, link string
		headers      []string
		want         int
	}{
		"GET":             {"GET", link, own, 405},
		"no Origin":       {"POST", link, nil, 403},
		"another Origin":  {"POST", link, []string{"Origin", "http://evil.example"}, 403},
		"another site":    {"POST", link, append([]string{"Sec-Fetch-Site", "cross-site"}, own...), 403},
		"another line":    {"POST", strings.Replace(link, "line=7", "line=8", 1), own, 403},
		"no sum":          {"POST", Prefix + "edit/a%20b?line=7&column=1&file=" + url.QueryEscape(file), own, 403},
		"another service": {"POST", strings.Replace(link, "a%20b", "b", 1), own, 403},
		"with links":      {"POST", strings.Replace(link, "a%20b", "linked", 1), own, 403},
		"another session": {"POST", linkOf(t, p), own, 403},
	} {
		if resp, body := ask(t, once, c.method, s.URL+c.link, c.headers...); resp.StatusCode != c.want || len(ran) > 0 {
			t.Errorf("%s: %s, ran %q: %s", name, resp.Status, ran, body)
		}
	}
	if resp, body := ask(t, once, "POST", s.URL+link, own...); resp.StatusCode != http.StatusNoContent || len(ran) != 1 || !slices.Equal(ran[0], []string{"a b", file + ":7"}) {
		t.Errorf("%s, ran %q: %s", resp.Status, ran, body)
	}
}

// linkOf is the link that the page of another session makes.
func linkOf(t *testing.T, p *Page) string {
	other := New()
	other.LinkTo(*p.places.Load())
	parts := other.Links(t.Context(), "a b").Linked("main.go:7")
	if len(parts) != 1 {
		t.Fatalf("%q", parts)
	}
	return parts[0].Link
}
