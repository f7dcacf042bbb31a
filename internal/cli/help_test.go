package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/help")

// The help of each command is as testdata/help has it: a change of a word is seen in review.
// Every command has an example, and the help fits into 100 columns.
func TestHelp(t *testing.T) {
	help := func(args ...string) string {
		var out bytes.Buffer
		s := streams{out: &out, err: &out}
		root := newRoot(s, args)
		root.SetArgs(append([]string{}, args...)) // for nil, cobra takes those of the test
		if err := root.Execute(); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return out.String()
	}
	texts := map[string]string{"hotreload": help("--help")}
	for _, c := range newRoot(streams{}, nil).Commands() {
		if c.Name() == "help" {
			continue
		}
		text := help(c.Name(), "--help")
		texts[c.Name()] = text
		if c.GroupID == "" {
			t.Errorf("%s is in no group", c.Name())
		}
		if !strings.Contains(text, "\nExamples:\n") {
			t.Errorf("%s has no example", c.Name())
		}
		if also := help("help", c.Name()); also != text {
			t.Errorf("`help %s` is not `%[1]s --help`:\n%s", c.Name(), cmp.Diff(text, also))
		}
	}
	if alone := help(); alone != texts["hotreload"] {
		t.Errorf("hotreload alone prints another help:\n%s", cmp.Diff(texts["hotreload"], alone))
	}
	dir := filepath.Join("testdata", "help")
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range texts {
		for line := range strings.Lines(text) {
			if len(line) > 101 {
				t.Errorf("%s: %d columns: %s", name, len(line)-1, line)
			}
		}
		file := filepath.Join(dir, name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v; write it with: go test ./internal/cli -run TestHelp -update", err)
			continue
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s --help (-testdata +now):\n%s", name, diff)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := texts[strings.TrimSuffix(f.Name(), ".txt")]; !ok {
			t.Errorf("there is no command for testdata/help/%s", f.Name())
		}
	}
}
