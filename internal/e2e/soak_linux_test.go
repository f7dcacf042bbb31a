package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

var (
	soakRestarts = flag.Int("soak", 120, "restarts of TestF6Soak")
	soakSeed     = flag.Uint64("soak.seed", 1, "seed of TestF6Soak")
)

// usage is what a process holds.
type usage struct {
	files, watches, zombies, goroutines, temporary int
	rss                                            int // KiB
}

func (u usage) String() string {
	return fmt.Sprintf("files %d, goroutines %d, watches %d, zombies %d, temporary files %d, RSS %d KiB",
		u.files, u.goroutines, u.watches, u.zombies, u.temporary, u.rss)
}

func (w *web) usage() usage {
	w.t.Helper()
	pid := w.cmd.Process.Pid
	dir := fmt.Sprintf("/proc/%d", pid)
	var u usage
	infos, err := filepath.Glob(dir + "/fdinfo/*")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range infos {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // a descriptor that was closed meanwhile
		}
		u.files++
		u.watches += strings.Count(string(data), "inotify wd:")
	}
	status := read(w.t, dir+"/status")
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			u.rss, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		if ok && len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(pid) {
			u.zombies++
		}
	}
	_ = filepath.WalkDir(w.cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			u.temporary++
		}
		return nil
	})
	u.goroutines = w.status().Goroutines
	return u
}

// TestF6Soak restarts many times, with edits, bursts, broken builds, crashes and
// kills at random by seed, and looks whether anything is left behind each time:
// files, goroutines, memory, watches, zombies and temporary files stay what they
// were. `make soak` does 5,000 restarts, CI a few.
func TestF6Soak(t *testing.T) {
	t.Parallel()
	restarts := *soakRestarts
	if testing.Short() {
		restarts = min(restarts, 40)
	}
	dir := newApp(t, map[string]string{
		"go.mod": "module example.test/soak\n\ngo 1.25\n",
		"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"
)

var variant = "none"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, variant) })
	http.HandleFunc("/crash", func(w http.ResponseWriter, r *http.Request) { go panic("asked to") })
	fmt.Println(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
`,
		// The build is a copy: 5,000 runs of the compiler would test the compiler.
		"build.sh":         "set -e\nread v < pick.go\ncase $v in *broken*) echo 'main.go:1:1: broken'; exit 1;; esac\ncp \"variants/${v#// }\" app.new\nmv app.new app\n",
		".hotreload.toml":  "[build]\ncommand = [\"sh\", \"build.sh\"]\noutput = \"app\"\n\n[watch]\nexclude = [\"app\", \"app.new\", \"variants\"]\n\n[run]\nstop_timeout = \"2s\"\n",
		"pick.go":          "// 0\npackage main\n",
		"variants/.ignore": "",
	})
	const variants = 3
	for i := range variants {
		cmd := exec.Command("go", "build", "-ldflags", fmt.Sprintf("-w -X main.variant=v%d", i), "-o", fmt.Sprintf("variants/%d", i), "main.go")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	cache := t.TempDir()
	addr := testkit.Address(t)
	s := start(t, dir, []string{"-q"}, withEnv("ADDR="+addr, "XDG_CACHE_HOME="+cache, "XDG_RUNTIME_DIR="+shortTempDir(t)))
	w := &web{session: s, addr: addr, cache: cache}
	w.waitFor("live")

	rnd := rand.New(rand.NewPCG(*soakSeed, 6))
	variant, save := 0, 0
	pick := func() {
		variant = (variant + 1 + rnd.IntN(variants-1)) % variants
		// No save is like another one: that a file held something else for less than a tick
		// of the file system's clock is the one thing that cannot be detected (TestL12WrittenAgain
		// has the longer moments).
		save++
		write(t, filepath.Join(dir, "pick.go"), fmt.Sprintf("// %d\npackage main // save %d\n", variant, save))
	}
	settled := func() {
		w.command("wait")
	}
	round := func() {
		switch n := rnd.IntN(20); {
		case n < 10:
			pick()
		case n < 12: // a burst of saves
			for range 1 + rnd.IntN(8) {
				pick()
			}
		case n < 14: // a broken save, and its repair
			write(t, filepath.Join(dir, "pick.go"), "// broken\npackage main\n")
			if rnd.IntN(2) == 0 {
				settled()
			}
			pick()
		case n < 16: // the program crashes
			_, _ = (&http.Client{Timeout: time.Second}).Get("http://" + addr + "/crash")
			pick()
		case n < 17: // the program is killed
			if st := w.status(); st.Services[0].PID != 0 {
				_ = syscall.Kill(st.Services[0].PID, syscall.SIGKILL)
			}
			pick()
		case n < 18:
			write(t, filepath.Join(dir, ".env"), fmt.Sprintf("N=%d\n", rnd.Uint64()))
		case n < 19: // a directory comes and goes
			d := filepath.Join(dir, "sub", "deep")
			write(t, filepath.Join(d, "x.txt"), "x")
			if err := os.RemoveAll(filepath.Join(dir, "sub")); err != nil {
				t.Fatal(err)
			}
			pick()
		default:
			w.command("restart")
		}
	}
	started := func() int { return count(w.since(0), "started") }
	var first usage
	for begin := time.Now(); started() < restarts; {
		round()
		settled()
		if got := w.get(addr, "/"); got != fmt.Sprintf("v%d", variant) {
			t.Fatalf("the program says %q, the files say v%d\n%s", got, variant, w.dump())
		}
		if n := started(); first == (usage{}) && n >= restarts/4 {
			first = w.usage()
			t.Logf("after %d restarts and %s: %s", n, time.Since(begin).Round(time.Second), first)
		}
	}
	last := w.usage()
	t.Logf("after %d restarts: %s", started(), last)
	if last.files > first.files+2 {
		t.Errorf("open files grew from %d to %d", first.files, last.files)
	}
	if last.goroutines > first.goroutines+3 {
		t.Errorf("goroutines grew from %d to %d", first.goroutines, last.goroutines)
	}
	if last.watches != first.watches {
		t.Errorf("watches went from %d to %d", first.watches, last.watches)
	}
	if last.zombies > 0 {
		t.Errorf("%d zombies", last.zombies)
	}
	if last.temporary > first.temporary+2 {
		t.Errorf("temporary files grew from %d to %d", first.temporary, last.temporary)
	}
	if limit := first.rss*3/2 + 8<<10; last.rss > limit {
		t.Errorf("memory grew from %d to %d KiB", first.rss, last.rss)
	}
}
