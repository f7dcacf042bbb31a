package watcher

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// A save in a project of 10,000 files: from the return of the write to the Open
// batch, and what the tree costs in memory.
func BenchmarkSave(b *testing.B) {
	root := b.TempDir()
	for i := range 10000 {
		dir := filepath.Join(root, fmt.Sprint("package", i/50))
		_ = os.MkdirAll(dir, 0o755)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("some_file_", i, ".go")), make([]byte, 4000), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w, err := New(Options{Gitignore: true, Scope: Scope{Trees: []string{root}}, Debounce: 2 * time.Millisecond, Early: true})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	start := time.Now()
	go func() { defer close(done); _ = w.Run(ctx) }()
	<-w.Ready()
	ready := time.Since(start)
	for open := true; open; {
		ch := make(chan struct{})
		w.request(request{do: func(t *tree) {
			open = t.hash.busy || len(t.hash.todo) > 0 || len(t.hash.ready) > 0
			close(ch)
		}})
		<-ch
	}
	all := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)

	file := filepath.Join(root, "package77", "some_file_3850.go")
	var total time.Duration
	n := 0
	for b.Loop() {
		n++
		if err := os.WriteFile(file, fmt.Appendf(nil, "%d %s", n, make([]byte, 4000)), 0o644); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		batch := <-w.Batches()
		total += time.Since(start)
		for batch.Open {
			batch = <-w.Batches()
		}
	}
	b.ReportMetric(float64(total.Microseconds())/float64(n), "µs/detect")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB")
	b.ReportMetric(float64(ready.Milliseconds()), "ms-ready")
	b.ReportMetric(float64(all.Milliseconds()), "ms-hashed")
	cancel()
	for range w.Batches() {
	}
	<-done
}
