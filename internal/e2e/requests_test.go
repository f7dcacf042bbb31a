package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/testkit"
)

// echoApp answers with its version, and with what it got.
var echoApp = map[string]string{
	"go.mod": "module example.test/echo\n\ngo 1.25\n",
	"main.go": `package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Set-Cookie", "id=c00kie")
		fmt.Fprintf(w, "version %s\n%s %s\n", Version, r.Method, r.URL.Path)
		fmt.Printf("got %s %s auth=%s cookie=%s body=%s\n", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("Cookie"), body)
	})
	fmt.Println(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
`,
	"version.go":      "package main\n\nconst Version = \"one\"\n",
	".hotreload.toml": "[proxy]\ninspect = true\n",
}

// post sends a request with credentials through the proxy.
func (w *web) post(path, body string) {
	w.t.Helper()
	r, err := http.NewRequest("POST", "http://"+w.addr+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer s3cr3t")
	r.Header.Set("Cookie", "id=s3cr3t")
	r.Header.Set("Content-Type", "text/plain")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
}

// U3: in a real browser, the page lists the requests with heads and bodies, without credentials. One
// that is sent again, by a button or after every save, reaches the new program as it was, and the
// difference of the answers is shown. The events report it.
func TestU3Requests(t *testing.T) {
	t.Parallel()
	w := startProxy(t, echoApp)
	w.post("/buy?id=7&token=s3cr3t", "two of them")
	e := w.waitFor("request")
	if e.str("method") != "POST" || e.str("path") != "/buy" || e.num("status") != 200 || e.Service != "echo" {
		t.Errorf("event %s", e.line)
	}
	b := openTab(t, w.status().PageURL)
	row := shownText("#requests li")
	b.sees(row, "POST/buy?id=7&token=(hidden)200")
	b.js(`document.querySelector('#requests summary').click()`)
	b.sees(row, "Authorization: (hidden)")
	b.sees(row, "Cookie: (hidden)")
	b.sees(row, "two of them")
	b.sees(row, "version one")

	got := func() int {
		return strings.Count(w.out.String(), "got POST /buy?id=7&token=s3cr3t auth=Bearer s3cr3t cookie=id=s3cr3t body=two of them")
	}
	b.js(`document.querySelector('#requests .again').click()`)
	b.sees(row, "the same answer")
	if n := got(); n != 2 {
		t.Errorf("the program got it %d times:\n%s", n, w.dump())
	}
	b.js(`document.querySelector('#requests input[type=checkbox]').click()`)
	b.sees(row, "after every save")
	w.setVersion("two")
	b.sees(shownText("#requests .diff"), "-version one")
	b.sees(shownText("#requests .diff"), "+version two")
	b.sees(row, "a different answer")
	if n := got(); n != 3 {
		t.Errorf("the program got it %d times:\n%s", n, w.dump())
	}
	// Nothing is sent to the old program while the newest one is not live.
	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
	w.wait("failed", func(e ev) bool { return e.Event == "build_finished" && !e.flag("ok") })
	b.js(`document.querySelector('#requests .again').click()`)
	b.sees(row, "the newest program is not live")
	w.setVersion("three")
	b.sees(shownText("#requests .diff"), "+version three")
	if n := got(); n != 4 {
		t.Errorf("the program got it %d times:\n%s", n, w.dump())
	}
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(360, 640)); err != nil {
		t.Fatal(err)
	}
	b.sees(`document.documentElement.scrollWidth <= 360`, "true")
	if html := b.js(`document.querySelector('#requests').outerHTML`); strings.Contains(html, "s3cr3t") || strings.Contains(html, "c00kie") {
		t.Errorf("a credential is shown: %s", html)
	}
}

// U3, U4: what the page has can be had as JSON, by whoever has the token, and by nothing else.
func TestU3JSON(t *testing.T) {
	t.Parallel()
	api := testkit.Address(t)
	w := startProxy(t, echoApp, "--set", "control.listen="+api)
	w.post("/a", "body")
	w.waitFor("request")
	for _, url := range []string{"http://" + w.addr + "/__hotreload/api/requests", "http://" + api + "/requests", "http://" + api + "/requests/1", "http://" + api + "/__hotreload/api/requests"} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", url, resp.Status)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	ask := func(method, path string, out any) {
		t.Helper()
		url := "http://" + w.addr + "/__hotreload/" + path
		if path == "" {
			url = w.status().PageURL
		}
		r, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if method == "POST" {
			r.Header.Set("Origin", "http://"+w.addr)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", method, path, resp.Status)
		}
		if out != nil {
			if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask("GET", "", nil)
	var list inspect.List
	ask("GET", "api/requests", &list)
	if len(list.Requests) != 1 || !list.Inspect || list.Requests[0].Path != "/a" {
		t.Fatalf("%+v", list)
	}
	w.setVersion("two")
	w.waitFor("live")
	var d inspect.Detail
	ask("POST", fmt.Sprintf("api/requests/%d/replay", list.Requests[0].ID), &d)
	if d.Replay == nil || d.Replay.Same || d.Replay.Status != 200 || d.Replay.Generation != 2 || !strings.Contains(d.Replay.Difference, "-version one\n+version two\n") {
		t.Errorf("%+v", d.Replay)
	}
	if d.Request.Body != "body" || !strings.HasPrefix(d.Replayed.Body, "version two") {
		t.Errorf("%+v", d)
	}
}
