package inspect

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func body(data string) Body {
	b := Body{Whole: true}
	b.Add([]byte(data))
	return b
}

func record(target, in, out string) Record {
	return Record{
		Service: "api", At: time.Now(),
		Request: Request{Method: "POST", Target: target, Host: "localhost", Proto: "HTTP/1.1", Header: http.Header{}, Body: body(in)},
		Answer:  Answer{Generation: 1, Status: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: body(out)},
	}
}

// sender answers with what is in it.
type sender func(ctx context.Context, r *Request, generation int) (Answer, error)

func (s sender) Replay(ctx context.Context, r *Request, generation int) (Answer, error) {
	return s(ctx, r, generation)
}

// U2: whatever is requested, and however often it is sent again, the memory is bounded: the newest
// requests are there, and one that is sent again after every save.
func TestMemory(t *testing.T) {
	l := New()
	big := strings.Repeat("x", MaxBody)
	l.Attach("api", sender(func(context.Context, *Request, int) (Answer, error) {
		return Answer{Generation: 2, Status: 200, Header: http.Header{"X-Big": {big}}, Body: body(big)}, nil
	}))
	r := record("/first", "a", "b")
	l.Add(r)
	if err := l.Repeat(1, true); err != nil {
		t.Fatal(err)
	}
	const all = 1000
	huge, long := strings.Repeat("h", 1<<20), record("/"+strings.Repeat("long", 1<<20), "", "")
	for i := range all {
		r := record(fmt.Sprint("/", i), big, big)
		r.Request.Header.Set("X-Big", huge)
		r.Answer.Body.Add([]byte("more than is kept"))
		if i%2 == 0 {
			r.Request.Header = http.Header{}
		}
		l.Add(r)
		if i%2 == 0 {
			if err := l.replay(t.Context(), i+2, 0); err != nil {
				t.Fatal(err)
			}
		}
		if i%100 == 50 {
			l.Add(long)
			l.ids--
			l.entries[len(l.entries)-1].id = -1
		}
	}
	list := l.List()
	if n := len(list.Requests); n > MaxRequests || n < MaxRequests/2 {
		t.Errorf("%d requests are kept", n)
	}
	if got := list.Requests[0].Path; got != fmt.Sprint("/", all-1) {
		t.Errorf("the newest is %.30s", got)
	}
	if last := list.Requests[len(list.Requests)-1]; last.Path != "/first" || !last.Repeat {
		t.Errorf("the one that is sent again is gone; the oldest is %.30s", last.Path)
	}
	sum := 0
	for _, e := range l.entries {
		sum += e.size()
	}
	if sum != l.bytes || sum > maxBytes {
		t.Errorf("%d bytes are kept, and %d counted, of at most %d", sum, l.bytes, maxBytes)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 2*maxBytes {
		t.Errorf("the heap has %d MiB", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(l)
}

// U3: no credential is shown, in whatever is shown.
func TestMasked(t *testing.T) {
	const secret = "s3cr3t"
	l := New()
	r := record("/login?next=%2F&access_token="+secret+"&x=1", "user=ann&password="+secret+"&api%5Ftoken="+secret, "")
	for _, h := range []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"} {
		r.Request.Header[h] = []string{"prefix " + secret}
	}
	r.Request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Request.Header.Set("Referer", "http://localhost/?token="+secret)
	r.Request.Header.Set("X-Plain", "visible")
	r.Answer.Header.Set("Set-Cookie", "session="+secret)
	r.Answer.Header.Set("Location", "/?token="+secret)
	ev, ok := l.Add(r)
	if !ok || ev.Path != "/login" {
		t.Errorf("event %v: %+v", ok, ev)
	}
	l.Attach("api", sender(func(_ context.Context, r *Request, _ int) (Answer, error) {
		if r.Header.Get("Authorization") != "prefix "+secret || !strings.Contains(string(r.Body.Data), secret) {
			t.Errorf("the replay has other values: %v %s", r.Header, r.Body.Data)
		}
		return Answer{Generation: 2, Status: 401, Header: http.Header{"Set-Cookie": {"other=" + secret}, "Authorization": {secret}}, Body: body("no")}, nil
	}))
	d, err := l.Replay(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{d, l.List(), event.Event{Body: ev}} {
		text, err := safe.Marshal(v, "")
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%v: %s", err, text)
		}
	}
	text, _ := safe.Marshal(d, "")
	for _, want := range []string{"visible", "user=ann", "next=%2F", "x=1", "-200 OK", "+401 Unauthorized", "+Set-Cookie: other=(hidden)"} {
		if !strings.Contains(string(text), strings.ReplaceAll(want, "&", `\u0026`)) {
			t.Errorf("%q is not shown: %s", want, text)
		}
	}
}

// U3: what cannot be sent again says why.
func TestRefused(t *testing.T) {
	l := New()
	large := record("/", "", "")
	large.Request.Body.Add(make([]byte, MaxBody+1))
	unread := record("/", "half", "")
	unread.Request.Body.Whole = false
	stream := record("/", "", "")
	stream.Unfit = "its response is an event stream"
	head := record("/", "", "")
	head.Request.Header.Set("X-Large", strings.Repeat("x", maxHead))
	for i, c := range []struct {
		r    Record
		want string
	}{
		{large, "larger than 64 KiB"}, {unread, "not read to the end"}, {stream, "event stream"}, {head, "head is larger"},
		{record("/", "", ""), "no proxy"},
	} {
		l.Add(c.r)
		if _, err := l.Replay(t.Context(), i+1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
		if s := l.List().Requests[0]; c.want != "no proxy" && !strings.Contains(s.NoReplay, c.want) {
			t.Errorf("%q: listed as %q", c.want, s.NoReplay)
		}
	}
	if _, err := l.Replay(t.Context(), 99); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if err := l.Repeat(1, true); err == nil {
		t.Error("one that cannot be sent again is sent after every save")
	}
}

// U3: a request that is to be sent after every save is sent for each live program and each reload of
// the browser, and the difference is that from the answer before.
func TestRepeat(t *testing.T) {
	l := New()
	asked := make(chan int)
	answers := make(chan string)
	l.Attach("api", sender(func(_ context.Context, _ *Request, generation int) (Answer, error) {
		asked <- generation
		return Answer{Generation: 2, Status: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: body(<-answers)}, nil
	}))
	l.Add(record("/", "", "one\ntwo\nthree\n"))
	l.Add(record("/other", "", ""))
	if err := l.Repeat(1, true); err != nil {
		t.Fatal(err)
	}
	replayed := func(answer string) Detail {
		t.Helper()
		answers <- answer
		var d Detail
		testkit.Until(t, "the answer", func() bool {
			var err error
			if d, err = l.Get(1); err != nil {
				t.Fatal(err)
			}
			return d.Replayed != nil && d.Replayed.Body == answer
		})
		return d
	}
	l.Emit(event.Event{Service: "other", Generation: 1, Body: event.Live{}})
	l.Emit(event.Event{Service: "api", Generation: 2, Body: event.Live{}})
	if got := <-asked; got != 2 {
		t.Errorf("generation %d", got)
	}
	d := replayed("one\n2\nthree\n")
	if want := "-two\n+2\n"; d.Replay.Same || !strings.Contains(d.Replay.Difference, want) || strings.Contains(d.Replay.Difference, "before") {
		t.Errorf("difference %q", d.Replay.Difference)
	}
	l.Emit(event.Event{Service: "api", Body: event.Reloaded{}})
	<-asked
	d = replayed("one\n2\nthree\nfour\n")
	if want := "+four\n"; !strings.Contains(d.Replay.Difference, want) || strings.Contains(d.Replay.Difference, "two") {
		t.Errorf("difference %q", d.Replay.Difference)
	}
	if err := l.Repeat(1, false); err != nil {
		t.Fatal(err)
	}
	l.Emit(event.Event{Service: "api", Generation: 3, Body: event.Live{}})
	if err := l.Repeat(1, true); err != nil {
		t.Fatal(err)
	}
	l.Emit(event.Event{Service: "api", Generation: 4, Body: event.Live{}})
	if got := <-asked; got != 4 {
		t.Errorf("sent to generation %d, though that was switched off", got)
	}
	replayed("five\n")
}

// Which answers are the same to a person, and how the difference of others is shown.
func TestDifference(t *testing.T) {
	zip := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	a := func(status int, data string, header ...string) *Answer {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &Answer{Status: status, Header: h, Body: body(data)}
	}
	for name, c := range map[string]struct {
		before, after *Answer
		want          []string // nil: the same
	}{
		"equal":             {a(200, "x"), a(200, "x"), nil},
		"times and lengths": {a(200, "x", "Date", "1", "Etag", "1"), a(200, "x", "Date", "2", "Etag", "2", "Content-Length", "1"), nil},
		"a new session":     {a(200, "x", "Set-Cookie", "id=1"), a(200, "x", "Set-Cookie", "id=2"), nil},
		"encoding":          {a(200, "x\n", "Content-Encoding", "gzip"), a(200, "x\n", "Content-Encoding", "gzip"), nil},
		"status":            {a(200, "x"), a(404, "x"), []string{"-200 OK\n+404 Not Found\n"}},
		"header":            {a(200, "x", "X-A", "1"), a(200, "x", "X-B", "2"), []string{"-X-A: 1", "+X-B: 2"}},
		"compressed":        {a(200, zip("one\n"), "Content-Encoding", "gzip"), a(200, zip("two\n"), "Content-Encoding", "gzip"), []string{"-one", "+two"}},
		"binary":            {a(200, "\x00\x01"), a(200, "\x00\x02"), []string{"body of 2 bytes"}},
		"json": {
			a(200, `{"a":1,"b":2}`, "Content-Type", "application/json"), a(200, `{"a":1,"b":3}`, "Content-Type", "application/json"),
			[]string{`-  "b": 2`, `+  "b": 3`, `   "a": 1`},
		},
	} {
		if got := same(c.before, c.after); got != (c.want == nil) {
			t.Errorf("%s: same is %v", name, got)
		}
		d := difference(c.before, c.after)
		if c.want == nil && d != "" {
			t.Errorf("%s: %q", name, d)
		}
		for _, w := range c.want {
			if !strings.Contains(d, w) {
				t.Errorf("%s: %q is not in %q", name, w, d)
			}
		}
	}
}

// Events are reported as long as they are few.
func TestEvents(t *testing.T) {
	l, n := New(), 0
	for range 3 * maxEvents {
		r := record("/", "", "")
		r.At = time.Unix(1, 0)
		if _, ok := l.Add(r); ok {
			n++
		}
	}
	if n != maxEvents {
		t.Errorf("%d events in one second", n)
	}
	r := record("/", "", "")
	r.At = time.Unix(2, 0)
	if _, ok := l.Add(r); !ok {
		t.Error("no event in the next second")
	}
}
