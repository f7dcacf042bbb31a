package page

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/testkit"
)

// U2: 10,000 saves while 100 pages are open, of which 10 do not read. Each that reads gets the last save,
// the session is never delayed by a page, and memory is bounded by what the timeline keeps.
func TestManyPages(t *testing.T) {
	const pages, stalled = 100, 10
	saves := testkit.Size(10_000, 500)
	p, s, _ := server(t)
	output := strings.Repeat("x", 2*maxOutput)
	last := fmt.Sprintf(`"generation":%d,`, saves)

	before := heap()
	var arrived sync.WaitGroup
	for i := range pages {
		resp, err := http.Get(s.URL + Prefix + "saves")
		if err != nil {
			t.Fatal(err)
		}
		if i < stalled {
			t.Cleanup(func() { resp.Body.Close() })
			continue
		}
		arrived.Go(func() {
			for !reads(resp.Body, last) { // a browser whose stream was too slow opens it again
				resp.Body.Close()
				if resp, err = http.Get(s.URL + Prefix + "saves"); err != nil {
					t.Errorf("page %d: %v", i, err)
					return
				}
			}
			resp.Body.Close()
		})
	}
	for n := range saves {
		play(p.Timeline, changed(n+1, "rebuild", fmt.Sprintf("/dir/%d.go", n)), gen(n+1, event.BuildStarted{}),
			gen(n+1, event.BuildFinished{Output: output, Summary: "1 error"}), gen(n+1, event.Console{Level: "error", Text: output[:1000]}))
	}
	done := make(chan struct{})
	go func() { arrived.Wait(); close(done) }()
	testkit.Receive(t, "the last save, on every page that reads", done)

	// Rows with their JSON, and what is on its way to each page: the pages share both.
	most := int64(4*maxSaves*maxOutput + pages*(256<<10))
	if got := heap() - before; got > most {
		t.Errorf("%d MB of memory, at most %d MB", got>>20, most>>20)
	}
}

// reads reports whether the text comes before the end.
func reads(r io.Reader, text string) bool {
	buf, kept := make([]byte, 64<<10), 0
	for {
		n, err := r.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], []byte(text)) {
			return true
		}
		if err != nil {
			return false
		}
		rest := min(kept+n, len(text))
		copy(buf, buf[kept+n-rest:kept+n])
		kept = rest
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
