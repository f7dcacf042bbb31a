package relevance

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/proc"
)

// own reports whether hotreload writes the file: its redirected output, the events, its
// cache, what a build command leaves. A change of it would be reported in it, which changes it.
func (j *Judge) own(path string) bool {
	if path == j.o.RecordFile || strings.HasPrefix(path, j.o.Cache+string(filepath.Separator)) {
		return true
	}
	for _, s := range j.all() {
		if out := s.conf.Load().Build.Output; out != "" && path == j.abs(out) {
			return true
		}
	}
	if len(j.outputs) == 0 {
		return false
	}
	fi, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, o := range j.outputs {
		if os.SameFile(o, fi) {
			return true
		}
	}
	return false
}

// outputs are the files that hotreload's own output was redirected to.
func outputs() []os.FileInfo {
	var out []os.FileInfo
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			out = append(out, fi)
		}
	}
	return out
}

// writers remembers which files that concern no service are written by a process that keeps
// them open: its log, its database, our own output behind a pipe. Each write of these would
// be one more line.
type writers struct {
	asked map[string]time.Time
	open  map[string]bool
}

// maxOpen is how long the answer for a file holds.
const maxOpen = 10 * time.Second

func (w *writers) writes(path string, now time.Time) bool {
	if at, ok := w.asked[path]; ok && now.Sub(at) < maxOpen {
		return w.open[path]
	}
	if w.asked == nil || len(w.asked) > 1000 {
		w.asked, w.open = map[string]time.Time{}, map[string]bool{}
	}
	w.asked[path], w.open[path] = now, proc.Written(path)
	return w.open[path]
}
