package watcher

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

// The debounce, by a table: events at these milliseconds, then the burst is due.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []int
		due    int
	}{
		{"one event", []int{0}, 20},
		{"prolonged", []int{0, 15, 30}, 50},
		{"at most the limit", []int{0, 15, 30, 45, 60, 75, 90, 99}, 100},
	} {
		b := burst{quiet: 20 * time.Millisecond, limit: 100 * time.Millisecond}
		for _, e := range c.events {
			b.event(at(e))
		}
		if !b.active() || !b.first.Equal(at(c.events[0])) || !b.due().Equal(at(c.due)) {
			t.Errorf("%s: due %v, want %v", c.name, b.due(), at(c.due))
		}
	}

	b := burst{quiet: 20 * time.Millisecond, limit: 100 * time.Millisecond}
	b.event(at(0))
	b.released(at(5000))
	if !b.due().Equal(at(5020)) || !b.first.Equal(at(0)) {
		t.Errorf("after a hold both times start again: due %v", b.due())
	}
	b.event(at(5095))
	if !b.due().Equal(at(5100)) {
		t.Errorf("the limit counts from the end of the hold: due %v", b.due())
	}
	if !b.wait(at(5100), 0) || !b.due().Equal(at(5120)) {
		t.Errorf("one more wait for an empty file, beyond the limit: due %v", b.due())
	}
	if b.event(at(5115)); !b.due().Equal(at(5120)) {
		t.Errorf("what is written without end waits no longer than that: due %v", b.due())
	}
	if b.wait(at(5120), 0) {
		t.Error("waits twice")
	}
	b.end(at(5120))

	// L3: a file that had a content is waited for longer; what else is saved meanwhile does not
	// shorten that, and its content ends it.
	b.event(at(6000))
	if !b.wait(at(6020), truncated) || !b.due().Equal(at(6020).Add(truncated)) {
		t.Errorf("a truncated file: due %v", b.due())
	}
	if b.event(at(6050)); !b.due().Equal(at(6070)) {
		t.Errorf("its content, or another file: due %v", b.due())
	}
	if !b.wait(at(6070), truncated) || !b.due().Equal(at(6020).Add(truncated)) {
		t.Errorf("it was another file: due %v", b.due())
	}
	if b.wait(at(6020).Add(truncated), truncated) {
		t.Error("waits without end")
	}
	b.end(at(0))
	if b.active() || b.quiet == 0 || b.limit == 0 {
		t.Error("end")
	}
}

// A log that a program writes beside its sources must not delay a save.
func TestBurstOfMinorChanges(t *testing.T) {
	t.Parallel()
	b := burst{quiet: 20 * time.Millisecond, limit: time.Second}
	for ms := 0; ms < 20; ms += 5 {
		b.minorEvent(at(ms))
	}
	if !b.due().Equal(at(20)) {
		t.Errorf("prolonged by minor changes: due %v", b.due())
	}
	b.end(at(20))
	b.minorEvent(at(25))
	if want := at(20).Add(minorPause); !b.due().Equal(want) {
		t.Errorf("the next one: due %v, want %v", b.due(), want)
	}
	b.event(at(30))
	if !b.due().Equal(at(50)) || !b.first.Equal(at(30)) {
		t.Errorf("a save is waiting for the log: first %v, due %v", b.first, b.due())
	}
	b.minorEvent(at(45))
	if !b.due().Equal(at(50)) {
		t.Errorf("a save is prolonged by the log: due %v", b.due())
	}
	b.end(at(50))
	b.event(at(60))
	if !b.due().Equal(at(80)) {
		t.Errorf("the pause is for minor changes alone: due %v", b.due())
	}
}

func TestEnqueue(t *testing.T) {
	t.Parallel()
	x, y, z := Sum{1}, Sum{2}, Sum{3}
	open := func(c ...Change) Batch { return Batch{First: at(1), Open: true, Changes: c} }
	closing := func(c ...Change) Batch { return Batch{First: at(2), Changes: c} }
	for _, c := range []struct {
		name string
		in   []Batch
		want string
	}{
		{"closing absorbs open", []Batch{open(Change{"a", x, y}), closing(Change{"b", x, y})}, "closing a:1>2 b:1>2"},
		{"later truth wins", []Batch{open(Change{"a", x, y}), closing(Change{"a", y, z})}, "closing a:1>3"},
		{"undone", []Batch{open(Change{"a", x, y}), closing(Change{"a", y, x})}, "closing"},
		{"open waits behind closing", []Batch{closing(Change{"a", x, y}), open(Change{"a", y, z})}, "closing a:1>2; open a:2>3"},
		{"closing absorbs both", []Batch{closing(Change{"a", x, y}), open(Change{"a", y, z}), closing(Change{"b", x, y})}, "closing a:1>3 b:1>2"},
	} {
		var q []Batch
		for _, b := range c.in {
			q = enqueue(q, b)
		}
		var parts []string
		for _, b := range q {
			s := "closing"
			if b.Open {
				s = "open"
			}
			for _, ch := range b.Changes {
				s += fmt.Sprintf(" %s:%d>%d", ch.Path, ch.Old[0], ch.New[0])
			}
			parts = append(parts, s)
		}
		if got := strings.Join(parts, "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if len(q) == 1 && !q[0].First.Equal(c.in[0].First) {
			t.Errorf("%s: First is not that of the oldest", c.name)
		}
	}
}

// W7: looking takes at most 1/20 of a core.
func TestPollInterval(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ least, took, want time.Duration }{
		{500 * time.Millisecond, 0, 500 * time.Millisecond},
		{500 * time.Millisecond, 20 * time.Millisecond, 500 * time.Millisecond},
		{500 * time.Millisecond, 67 * time.Millisecond, 1340 * time.Millisecond},
	} {
		if got := pollIntervalFor(c.least, c.took); got != c.want || float64(c.took) > float64(got)/20 {
			t.Errorf("%v, %v: %v", c.least, c.took, got)
		}
	}
}

func TestNoise(t *testing.T) {
	t.Parallel()
	noise := []string{
		".main.go.swp", ".main.go.swo", ".x.swx", "4913", "5036", "main.go~", ".#main.go", "#main.go#",
		"main.go___jb_tmp___", "main.go___jb_old___", "flycheck_main.go", "main.go.617798862851487041",
		".DS_Store", "sedX2k3Fz", "sed1abcde", "app-go-tmp-umask", "main.go.QrTsUv", ".main.go.QrTsUv", ".main.go.kate-swp",
		".goutputstream-ABC123", ".tmpA1b2C3", ".nfs000000000012", ".fuse_hidden0001", "__debug_bin123", "main.go.tmp",
		"main.go.tmp.123.abc", "settings.json.vsctmp", ".merge_file_a1B2c3", "._main.go", ".git", ".main.go.un~", "main.goAbCdEf.bck",
		".main.go.kak.abc123", "tmpYSN2ml", "tmpabc1ef", "main.go.sb-1a2b3c4d-AbCdEf", "index.html~RF1a2b3c.TMP",
	}
	counts := []string{
		"main.go", ".env", ".env.local", ".hotreload.toml", ".air.toml", ".gitignore", ".golangci.yml", ".env.sample", "main.go.backup",
		"sedation", "sedatives", "4914", "1234", "swp", ".sw", "#", "x.tmp", "README", "main.go.txt", "a.b.abcdef", "._", "#include", "git",
		"flycheck.go", "config.yaml.orig", "my.swp.go", "v1.2.3", "rc.kak.backup", "tmpfolder", "tmpYSN2ml.go", ".rc.kak.more.txt",
		"main.go.sb-guide", "main.sb-1a2b3c4d-abcdef.go", "main.go.sb-notahex1-AbCdEf", "~RF1a.TMP", "a~RFnotes.TMP", "a~RF12.go",
	}
	for _, n := range noise {
		if noiseFile(n) == "" {
			t.Errorf("%s counts", n)
		}
	}
	for _, n := range counts {
		if why := noiseFile(n); why != "" && n != "._" {
			t.Errorf("%s is taken for: %s", n, why)
		}
	}
	for _, n := range []string{".git", ".hg", ".svn", ".jj", "node_modules", ".idea", ".vscode"} {
		if noiseDir(n) == "" {
			t.Errorf("%s is entered", n)
		}
	}
	for _, n := range []string{"vendor", "testdata", "git", "tmp", ".github", "_x"} {
		if noiseDir(n) != "" {
			t.Errorf("%s is not entered", n)
		}
	}
}

// The reader of .gitignore against the real git, on patterns that libraries get wrong.
func TestGitignoreLikeGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	type files map[string]string
	for i, c := range []struct {
		ignores files
		paths   []string
	}{
		{files{"": "*.log\n!keep.log\n"}, []string{"a.log", "keep.log", "d/x.log", "d/keep.log"}},
		{files{"": "/anch\n/sub/anch2\nsub/mid\n"}, []string{"anch", "d/anch", "sub/anch2", "x/sub/anch2", "sub/mid", "x/sub/mid"}},
		{files{"": "build/\n"}, []string{"build/x", "a/build/x", "c/build"}},
		{files{"": "**/foo\nbar/**\na/**/b\n"}, []string{"foo", "x/foo", "x/y/foo", "bar/q", "z/bar/q", "a/b", "a/x/b", "a/x/y/b", "a/x/c"}},
		{files{"": "a/**/b/c\n**/p/q/r\n"}, []string{"a/b/b/c", "a/x/b/c", "p/p/q/r", "x/p/q/z/p/q/r", "a/b/x/b/c"}},
		{files{"": "*.txt\n", "d": "!yes.txt\nno.go\n"}, []string{"d/yes.txt", "d/no.txt", "d/no.go", "no.go", "d/e/yes.txt", "d/e/no.go"}},
		{files{"": "\\#hash\n\\!bang\n#comment\n"}, []string{"#hash", "!bang", "#comment"}},
		{files{"": "trail   \nesc\\ \nback\\\\ \n"}, []string{"trail", "esc ", "esc", "back\\", "back\\ "}},
		{files{"": "[abc].go\n[!x]y.go\n[^p]q.go\n[a-z]1.go\n[[:digit:]]d.go\n[![:alpha:]]e\n"}, []string{"a.go", "d.go", "xy.go", "zy.go", "pq.go", "rq.go", "m1.go", "M1.go", "5d.go", "xd.go", "5e", "xe"}},
		{files{"": "foo*bar\nx?z\na**b\n"}, []string{"foobar", "fooxbar", "foo/bar", "xyz", "x/z", "aXXb", "a/b"}},
		{files{"": "{a,b}.go\n"}, []string{"a.go", "b.go", "{a,b}.go"}},
		{files{"": "*\n!*/\n!*.go\n"}, []string{"x.go", "d/x.go", "d/x.txt", "y"}},
		{files{"": "/*\n!/src\n/src/*\n!/src/keep\n"}, []string{"a", "src/a", "src/keep/x", "b/c"}},
		{files{"": "dir\n!dir/keep\n"}, []string{"dir/keep", "dir/x"}},
		{files{"": "dir/*\n!dir/keep\n"}, []string{"dir/keep", "dir/x"}},
		{files{"": "doc/*.txt\n"}, []string{"doc/a.txt", "doc/s/a.txt", "x/doc/a.txt"}},
		{files{"": "foo/\n!foo/\n"}, []string{"foo/x"}},
		{files{"": "**/\n!keep/\n"}, []string{"a/x", "keep/x", "f"}},
		{files{"": "/**\n!/a\n!/a/**\n"}, []string{"a/x", "a/b/c", "z"}},
		{files{"": "\xef\xbb\xbfbom.txt\r\ncr.txt\r\n"}, []string{"bom.txt", "cr.txt"}},
		{files{"": "a\\*b\n\\*.md\nq\\?\n"}, []string{"a*b", "aXb", "*.md", "x.md", "q?", "qq"}},
		{files{"": "[a\nb]\n"}, []string{"[a", "b]", "a"}},
		{files{"": "foo//bar\n./x\n../y\n"}, []string{"foo/bar", "x", "y"}},
		{files{"": "\ttab\n sp\n"}, []string{"\ttab", "tab", " sp", "sp"}},
		{files{"": "a/\n", "s": "/t\nu/\n"}, []string{"s/t", "s/x/t", "s/u/f", "s/x/u/f", "s/a/f"}},
		{files{"": "***/k\nx/***\n"}, []string{"k", "a/k", "a/b/k", "x/1", "x/3/2"}},
		{files{"": "[]-]x\n[!]a-]y\n[a\\]]z\n[--0]w\n"}, []string{"]x", "-x", "by", "ay", "]z", "az", ".w", "-w"}},
		{files{"": "Foo\nBAR/\n"}, []string{"foo", "Foo", "bar/x", "BAR2/x"}},
		{files{"": "!\n/\n//\n\\\nx\\\n"}, []string{"!", "x", "\\", "x\\"}},
		{files{"": "é*.go\n[äö]x\n"}, []string{"éa.go", "zx"}},
	} {
		root := tempDir(t)
		for dir, text := range c.ignores {
			plant(t, root, files{filepath.Join(dir, ".gitignore"): text})
		}
		for _, p := range c.paths {
			plant(t, root, files{p: ""})
		}
		if out, err := exec.Command("git", "init", "-q", root).CombinedOutput(); err != nil {
			t.Fatalf("git init: %v\n%s", err, out)
		}
		cmd := exec.Command("git", "-C", root, "-c", "core.excludesFile=", "-c", "core.ignoreCase=false", "check-ignore", "-z", "--no-index", "--stdin")
		cmd.Stdin = strings.NewReader("./" + strings.Join(c.paths, "\x00./") + "\x00")
		out, _ := cmd.Output() // exit code 1: none is ignored
		ignored := strings.Split(string(out), "\x00")

		w, err := New(Options{Gitignore: true, Scope: Scope{Trees: []string{root}}})
		must(t, err)
		for _, p := range c.paths {
			want := slices.Contains(ignored, "./"+p)
			if why, got := w.Ignored(filepath.Join(root, p)); got != want {
				t.Errorf("case %d %q, %q: ignored %v (%s), git says %v", i, c.ignores, p, got, why, want)
			}
		}
	}
}

// N3: the scan that no event asks for looks at 2,000 files in a second, and takes no more than
// 1/20 of a core where that is slow.
func TestLookAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		count      int
		took, want time.Duration
	}{
		{10, time.Millisecond, lookEvery},
		{1000, 2 * time.Millisecond, lookEvery},
		{5000, 10 * time.Millisecond, 2500 * time.Millisecond},
		{100, 100 * time.Millisecond, 2 * time.Second},
	} {
		if got := lookAfter(lookEvery, c.count, c.took); got != c.want {
			t.Errorf("%d files in %v: %v, want %v", c.count, c.took, got, c.want)
		}
	}
}
