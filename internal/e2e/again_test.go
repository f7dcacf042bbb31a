package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// L2: files that are written as they were before the one that changes, by a tool that writes all it looks at, are no reason
// to build twice.
func TestL2WrittenBefore(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	file := filepath.Join(w.dir, "main.go")
	same, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		mark := w.mark()
		replaceFile(t, file, string(same))
		replaceFile(t, filepath.Join(w.dir, "version.go"), fmt.Sprintf("package main\n\nconst Version = \"v%d\"\n", i))
		w.waitFor("live")
		w.settle()
		for _, name := range []string{"build_finished", "started", "live"} {
			if n := count(w.since(mark), name); n != 1 {
				t.Errorf("%d events %s for one save", n, name)
			}
		}
	}
}

// L7: a file of events in the project is no change of it: each one would tell of the one before, for ever.
func TestL7OwnEvents(t *testing.T) {
	t.Parallel()
	dir := newApp(t, webApp)
	out := filepath.Join(dir, "events.jsonl")
	events := func() string { b, _ := os.ReadFile(out); return string(b) }
	s := start(t, dir, []string{"--events", "events.jsonl"}) // the last one counts
	until(t, "live", func() bool { return strings.Contains(events(), `"event":"live"`) })
	for _, name := range []string{"one.txt", "two.txt"} { // what came before the second one was reported before
		write(t, filepath.Join(dir, name), name)
		until(t, name, func() bool { return strings.Contains(events(), name) })
	}
	if strings.Contains(events(), filepath.Base(out)+`"`) {
		t.Errorf("it tells of itself:\n%s", events())
	}
	s.stop(syscall.SIGTERM)
}

// L4: a tool that writes file after file for longer than a burst may last, of which one is another than before, costs two
// builds at most, and an error among them is reported at once.
func TestL4RewrittenOneByOne(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = "[watch]\nmax_wait = \"200ms\"\n"
	for i := range 40 {
		files[fmt.Sprintf("more%d.go", i)] = fmt.Sprintf("package main\n\nconst more%d = %d\n", i, i)
	}
	w := startWeb(t, newApp(t, files), nil)
	rewrite := func(until func() bool) {
		for i := 0; !until(); i++ {
			name := fmt.Sprintf("more%d.go", i%40)
			replaceFile(t, filepath.Join(w.dir, name), files[name])
			time.Sleep(8 * time.Millisecond) // the tool's own pace: that is the subject
		}
	}
	for i, c := range []struct{ version, outcome string }{{`"other"`, "live"}, {"undefined", "build_finished"}} {
		mark := w.mark()
		replaceFile(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = "+c.version+"\n")
		reported := func() bool { return count(w.since(mark), "build_finished") > 0 }
		patience := time.Now().Add(deadline)
		rewrite(func() bool { return reported() || time.Now().After(patience) })
		if !reported() {
			t.Fatalf("%d: nothing is reported as long as files are written\n%s", i, w.dump())
		}
		// It goes on for several bursts' time.
		end := time.Now().Add(time.Second)
		rewrite(func() bool { return time.Now().After(end) })
		w.waitFor(c.outcome)
		w.settle()
		if n := count(w.since(mark), "build_started"); n > 2 {
			t.Errorf("%d: %d builds for one change", i, n)
		}
	}
}
