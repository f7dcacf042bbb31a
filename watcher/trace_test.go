package watcher

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// L3, L6, and the way each editor and tool saves: the scripts of
// testdata/watch on each backend.
func TestTraces(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("../testdata/watch/*.txt")
	must(t, err)
	if len(scripts) < 20 {
		t.Fatalf("only %d scripts found", len(scripts))
	}
	systems(t, func(t *testing.T, o Options) {
		for _, script := range scripts {
			t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
				// One level down, so that scripts can move things out.
				root := filepath.Join(tempDir(t), "project")
				mkdir(t, root)
				o.Scope.Trees = []string{root}
				trace(t, o, script)
			})
		}
	})
}

func trace(t *testing.T, o Options, script string) {
	archive, err := txtar.ParseFile(script)
	must(t, err)
	section := map[string][]string{}
	for _, f := range archive.Files {
		section[f.Name] = strings.Split(strings.TrimRight(string(f.Data), "\n"), "\n")
	}
	root := o.Scope.Trees[0]
	for _, line := range section["given"] {
		w := words(t, line)
		plant(t, root, map[string]string{w[0]: w[1] + "\n"})
	}
	s := watch(t, o)
	s.hashed()
	want := section["want"]
	compare := func() {
		t.Helper()
		if len(want) == 0 {
			t.Fatal("more settle lines than want lines")
		}
		expected := words(t, want[0])
		want = want[1:]
		if expected[0] == "closing" {
			b := s.next()
			if d := cmp.Diff(expected[1:], netOf(root, []Batch{b})); d != "" || b.Open {
				t.Errorf("open: %v, changes (-want +got):\n%s", b.Open, d)
			}
			s.batches = nil
			return
		}
		batches := s.settled()
		if expected[0] == "nothing" {
			expected = []string{}
		}
		slices.Sort(expected)
		if d := cmp.Diff(expected, netOf(root, batches)); d != "" {
			t.Errorf("changes (-want +got):\n%s", d)
		}
		must(t, os.Remove(filepath.Join(root, "zz-mark-"+strconv.Itoa(s.mark))))
		s.next() // the removal of the mark
		s.batches = nil
	}
	for _, line := range section["ops"] {
		if w := words(t, line); w[0] == "settle" {
			compare()
		} else {
			operate(t, root, w)
		}
	}
	compare()
	if len(want) > 0 {
		t.Errorf("want lines left over: %q", want)
	}
}

func operate(t *testing.T, root string, w []string) {
	t.Helper()
	at := func(i int) string { return filepath.Join(root, w[i]) }
	appendTo := func(path, text string) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(text)
		return err
	}
	var err error
	switch w[0] {
	case "write":
		mkdir(t, filepath.Dir(at(1)))
		err = os.WriteFile(at(1), []byte(w[2]+"\n"), 0o644)
	case "append":
		err = appendTo(at(1), w[2])
	case "truncate":
		err = os.Truncate(at(1), 0)
	case "create":
		var f *os.File
		if f, err = os.OpenFile(at(1), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err == nil {
			err = f.Close()
		}
	case "rename":
		err = os.Rename(at(1), at(2))
	case "remove":
		err = os.Remove(at(1))
	case "mkdir":
		err = os.MkdirAll(at(1), 0o755)
	case "rmdir":
		err = os.RemoveAll(at(1))
	case "link":
		err = os.Link(at(1), at(2))
	case "symlink":
		err = os.Symlink(w[1], at(2))
	case "chmod":
		var mode uint64
		if mode, err = strconv.ParseUint(w[2], 8, 32); err == nil {
			err = os.Chmod(at(1), os.FileMode(mode))
		}
	case "touch":
		st, e := os.Stat(at(1))
		if err = e; err == nil {
			// One second on, so that the poll backend sees it as well.
			next := st.ModTime().Add(1e9)
			err = os.Chtimes(at(1), next, next)
		}
	default:
		t.Fatalf("unknown operation %q", w)
	}
	must(t, err)
}

// words splits a line at spaces; a word in double quotes is read as in Go.
func words(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			must(t, err)
			word, err := strconv.Unquote(quoted)
			must(t, err)
			out = append(out, word)
			line = line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out = append(out, word)
		line = rest
	}
	return out
}
