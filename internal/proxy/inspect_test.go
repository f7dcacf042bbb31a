package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/inspect"
)

// dumper is a program that hands on what it gets, and answers with its name and the body.
func dumper(name string, got chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, false)
		b, _ := io.ReadAll(r.Body)
		got <- fmt.Sprintf("%s%s%v %v %v", dump, b, r.ContentLength, r.TransferEncoding, err)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "<!doctype html><html><head></head><body>%s: %s</body></html>", name, b)
	})
}

// U3: a request that is sent again reaches the newest program, once it is live, exactly as the first
// one: target, headers with credentials, body, forwarding headers. What was held says for how long.
// Its answer is kept as the program gave it.
func TestU3Replay(t *testing.T) {
	log := inspect.New()
	reported := make(chan event.Request, 10)
	got := make(chan string, 1)
	r, a := startLive(t, Options{Inject: true, Requests: log, Requested: func(e event.Request) { reported <- e }}, dumper("old", got))
	for i, c := range []struct {
		method, path, body string
		header             []string
	}{
		{"POST", "//odd%2fpath/../x?q=%zz&b=1;2", "name=value", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"GET", "/page", "", []string{"Accept", "text/html", "Accept-Encoding", "gzip, br", "Sec-Fetch-Dest", "document"}},
		{"DELETE", "/thing", "", []string{"X-Forwarded-For", "192.0.2.1", "Authorization", "Bearer abc", "Cookie", "a=b"}},
	} {
		answered := r.later(c.method, c.path, c.body, append(c.header, "Authorization", "Basic Zm9v", "Cookie", "id=7")...)
		first := await(t, "the request", got)
		ans := await(t, "the answer", answered)
		ev := await(t, "the event", reported)
		if ev.Method != c.method || ev.Status != http.StatusAccepted || strings.Contains(ev.Path, "?") {
			t.Errorf("event %+v", ev)
		}
		want(t, ans, http.StatusAccepted, "")

		r.save()
		done := make(chan inspect.Detail, 1)
		go func() {
			d, err := log.Replay(context.Background(), i+1)
			if err != nil {
				t.Error(err)
			}
			done <- d
		}()
		r.waits(1)
		b := startApp(t, dumper("new", got))
		r.exited(a, true)
		r.goLive(b)
		a = b
		if second := await(t, "the replay", got); second != first {
			t.Errorf("%s %s: the program got\n%s\nat first, and then\n%s", c.method, c.path, first, second)
		}
		d := await(t, "the end of the replay", done)
		if d.Replay.Error != "" || d.Replay.Generation != r.gen || d.Replay.Status != http.StatusAccepted {
			t.Errorf("replay %+v", d.Replay)
		}
		if i == 0 && !strings.Contains(d.Replay.Difference, "+<!doctype html><html><head></head><body>new: name=value") {
			t.Errorf("difference %q", d.Replay.Difference)
		}
		if strings.Contains(d.Answer.Body+d.Replayed.Body, "client.js") {
			t.Error("what is kept has the script of the proxy")
		}
	}
	if n := len(log.List().Requests); n != 3 {
		t.Errorf("%d requests: a replay is kept as one", n)
	}
}

// listed waits until that many requests are kept: one is when its answer is over.
func listed(t *testing.T, log *inspect.Log, n int) (list []inspect.Summary) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d requests", n), func() bool { list = log.List().Requests; return len(list) == n })
	return list
}

// U3: a request that waited for a build is listed with that time; what the proxy answers itself is
// listed too.
func TestU3Held(t *testing.T) {
	log := inspect.New()
	r, a := startLive(t, Options{Requests: log}, says("one"))
	r.save()
	held := r.later("GET", "/held", "")
	r.waits(1)
	const least = 20 * time.Millisecond
	waits := time.Now()
	eventually(t, "it has waited", func() bool { return time.Since(waits) > least })
	r.exited(a, true)
	r.goLive(startApp(t, says("two")))
	want(t, await(t, "the answer", held), 200, "two")
	r.save()
	r.fail()
	want(t, r.get("/broken"), http.StatusServiceUnavailable, "")
	list := listed(t, log, 2)
	if list[1].Path != "/held" || list[1].HeldMS < least.Milliseconds() || list[1].HeldMS > list[1].DurationMS || list[1].Generation != r.gen-1 {
		t.Fatalf("%+v", list)
	}
	if b := list[0]; b.Path != "/broken" || b.Status != http.StatusServiceUnavailable || b.Generation != 0 {
		t.Errorf("%+v", b)
	}
	// While the newest program is not live, nothing is sent to the old one.
	d, err := log.Replay(t.Context(), list[1].ID)
	if err != nil || d.Replay.Error != errNotLive.Error() {
		t.Errorf("%v: %+v", err, d.Replay)
	}
}

// U3: where the old program answers while the code does not build, a replay does not go to it.
func TestU3NotToTheOldOne(t *testing.T) {
	log := inspect.New()
	r, _ := startLive(t, Options{Requests: log, WhenBroken: "serve"}, says("one"))
	want(t, r.get("/"), 200, "one")
	id := listed(t, log, 1)[0].ID
	r.save()
	r.fail()
	want(t, r.get("/"), 200, "one")
	if d, err := log.Replay(t.Context(), id); err != nil || d.Replay.Error != errNotLive.Error() {
		t.Errorf("%v: %+v", err, d.Replay)
	}
}

// U3: a WebSocket and a stream of events are listed while they last, and cannot be sent again; nor
// can what was too large to keep. All of them pass through unharmed.
func TestU3Unfit(t *testing.T) {
	log := inspect.New()
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		if kind, b, err := c.Read(r.Context()); err == nil {
			_ = c.Write(r.Context(), kind, b)
		}
		_, _, _ = c.Read(r.Context())
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	r, _ := startLive(t, Options{Requests: log}, mux)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, _, err := websocket.Dial(ctx, r.URL()+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, []byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.Read(ctx); err != nil || string(b) != "ping" {
		t.Fatal(err, string(b))
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", r.URL()+"/events", nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789abcdef", inspect.MaxBody/16) + "more"
	a, err := r.do("POST", "/large", large)
	if err != nil {
		t.Fatal(err)
	}
	if a.StatusCode != 200 || a.body != large {
		t.Errorf("%s with %d bytes", a.Status, len(a.body))
	}

	list := listed(t, log, 3)
	for i, w := range []string{"larger than 64 KiB", "event stream", "WebSocket"} {
		if !strings.Contains(list[i].NoReplay, w) {
			t.Errorf("%s: %q", list[i].Path, list[i].NoReplay)
		}
		if _, err := log.Replay(t.Context(), list[i].ID); err == nil {
			t.Errorf("%s is sent again", list[i].Path)
		}
	}
	if d, err := log.Get(list[0].ID); err != nil || d.Request.Size != int64(len(large)) || !d.Request.Cut || !d.Answer.Cut || len(d.Answer.Body) != inspect.MaxBody {
		t.Errorf("%v: %d bytes, cut %v %v, %d bytes of the answer", err, d.Request.Size, d.Request.Cut, d.Answer.Cut, len(d.Answer.Body))
	}
}
