package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// lateServer listens only some time after its start.
const lateServer = `package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

const version = "one"

func main() {
	time.Sleep(%s)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, version) })
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Getenv("ADDR"), nil))
	os.Exit(1)
}
`

// succeed runs a hotreload command and fails the test if it does not exit with the code.
func (s *session) succeed(code int, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(hotreload, args...)
	cmd.Dir, cmd.Env = s.dir, s.cmd.Env
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%v: exit %d, want %d: %s\n%s", args, got, code, out, s.dump())
	}
	return string(out)
}

// E12: a server that needs longer to listen than its first start is given at a glance is a
// server all the same: `wait` and `live` come when it listens, at the first start and later.
func TestE12LateServer(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	addr := testkit.Address(t)
	dir := newApp(t, map[string]string{
		"go.mod":  "module example.test/late\n\ngo 1.25\n",
		"main.go": fmt.Sprintf(lateServer, "700*time.Millisecond"),
	})
	s := start(t, dir, nil, withEnv("ADDR="+addr))
	s.waitFor("live")
	if got := s.get(addr, "/"); got != "one" {
		t.Errorf("at the first live it answers %q", got)
	}
	for i, version := range []string{"two", "three"} {
		s.edit("main.go", []string{`"one"`, `"two"`}[i], fmt.Sprintf("%q", version))
		s.succeed(0, "wait")
		if got := s.get(addr, "/"); got != version {
			t.Errorf("after wait it answers %q, want %q", got, version)
		}
	}
	// It dies before it listens: that was never live.
	mark := s.mark()
	s.edit("main.go", "http.HandleFunc", "panic(\"too early\"); http.HandleFunc")
	if out := s.succeed(1, "wait"); !strings.Contains(out, "too early") {
		t.Errorf("wait says %q", out)
	}
	if n := count(s.since(mark), "live"); n != 0 {
		t.Errorf("%d live events of a program that never listened\n%s", n, s.dump())
	}
}

// E12: a server that becomes a program that does not listen is late once, and live then.
func TestE12NoServerAnyMore(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, map[string]string{
		".hotreload.toml": "[run]\nready_timeout = \"1s\"\n",
		"go.mod":          "module example.test/once\n\ngo 1.25\n",
		"main.go":         fmt.Sprintf(lateServer, "0"),
	})
	s := start(t, dir, nil, withEnv("ADDR="+testkit.Address(t)))
	s.waitFor("live")
	mark := s.mark()
	write(t, filepath.Join(dir, "main.go"), "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n")
	s.succeed(0, "wait")
	for _, e := range s.since(mark) {
		if e.Event == "problem" {
			t.Errorf("unwanted: %s", e.line)
		}
	}
	// One that could listen, and does not in time, has failed until it does.
	write(t, filepath.Join(dir, "main.go"), fmt.Sprintf(lateServer, "0"))
	s.succeed(0, "wait")
	write(t, filepath.Join(dir, "main.go"), fmt.Sprintf(lateServer, "3*time.Second"))
	if out := s.succeed(1, "wait"); !strings.Contains(out, "does not listen") {
		t.Errorf("wait says %q", out)
	}
	s.wait("live after all", func(e ev) bool { return e.Event == "live" && e.Generation == 4 })
	s.succeed(0, "wait")
}

// E12: a program that is no server and dies at once was never live.
func TestE12DiesEarly(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	dir := newApp(t, map[string]string{
		"go.mod":  "module example.test/worker\n\ngo 1.25\n",
		"main.go": "package main\n\nimport \"time\"\n\nfunc main() { work(); time.Sleep(time.Hour) }\n",
		"work.go": "package main\n\nfunc work() {}\n",
	})
	s := start(t, dir, nil)
	s.waitFor("live")
	for try, early := 0, false; !early; try++ { // on a busy machine, it may live for so long that it counts as live
		mark := s.mark()
		write(t, filepath.Join(dir, "work.go"), fmt.Sprintf("package main\n\nfunc work() { panic(\"no work %d\") }\n", try))
		out, code := hr(t, dir, "wait")
		died := s.wait("the end of the program", func(e ev) bool { return e.Event == "exited" && !e.flag("expected") })
		live := count(s.since(mark), "live")
		early = died.num("duration_ms") < 250
		if early && (live != 0 || code != 1) {
			t.Errorf("%d live events of a program that died; wait: exit %d: %s\n%s", live, code, out, s.dump())
		}
		write(t, filepath.Join(dir, "work.go"), "package main\n\nfunc work() {}\n")
		s.succeed(0, "wait")
	}
}

// E12, M1: `wait` right after the first live, before any import graph is known, returns
// when the save is live, whatever kind of input was saved.
func TestE12NoGraphYet(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	for _, tt := range []struct{ name, file, content, want string }{
		{"embed", "app/data.txt", "two", "two 1 lib1"},
		{"replaced module", "lib/lib.go", "package lib\n\nfunc Name() string { return \"lib2\" }\n", "one 1 lib2"},
		{"assembly", "app/n_amd64.s", strings.Replace(assembly, "$1", "$2", 1), "one 2 lib1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"lib/go.mod":          "module example.test/lib\n\ngo 1.25\n",
				"lib/lib.go":          "package lib\n\nfunc Name() string { return \"lib1\" }\n",
				"app/go.mod":          "module example.test/app\n\ngo 1.25\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../lib\n",
				"app/data.txt":        "one",
				"app/n_amd64.s":       assembly,
				"app/n_other.go":      "//go:build !amd64\n\npackage main\n\nfunc n() int { return 2 }\n",
				"app/n_amd64.go":      "package main\n\nfunc n() int\n",
				"app/.hotreload.toml": "[build]\nengine = \"go\"\n",
				"app/main.go": `package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"

	"example.test/lib"
)

//go:embed data.txt
var data string

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, data, " ", n(), " ", lib.Name()) })
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}
`,
			}
			dir := newApp(t, files)
			addr := testkit.Address(t)
			s := start(t, filepath.Join(dir, "app"), nil, withEnv("ADDR="+addr))
			s.waitFor("live")
			replaceFile(t, filepath.Join(dir, filepath.FromSlash(tt.file)), tt.content)
			s.succeed(0, "wait")
			if got := s.get(addr, "/"); got != tt.want {
				t.Errorf("after wait it answers %q, want %q", got, tt.want)
			}
		})
	}
}

const assembly = "#include \"textflag.h\"\n\nTEXT ·n(SB), NOSPLIT, $0-8\n\tMOVQ $1, ret+0(FP)\n\tRET\n"

var (
	exactRounds = flag.Int("exact.rounds", 24, "how many rounds of TestE12Exact")
	exactSeed   = flag.Uint64("exact.seed", 1, "of its random choices")
)

// exactApp is a program made of every kind of input. It answers what it was made of.
var exactApp = map[string]string{
	"lib/go.mod": "module example.test/lib\n\ngo 1.25\n",
	"app/go.mod": "module example.test/app\n\ngo 1.25\n\nrequire example.test/lib v0.0.0\n\nreplace example.test/lib => ../lib\n",
	"app/.hotreload.toml": `[[rules]]
paths = ["views/*.html"]
effect = "restart"
`,
	"app/main.go": `package main

import (
	"embed"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"example.test/app/pkg"
	"example.test/lib"
)

//go:embed data.txt assets
var files embed.FS

func read(name string) string { b, _ := files.ReadFile(name); return string(b) }

func main() {
	view, _ := os.ReadFile("views/a.html")
	fresh := map[string]string{}
	entries, _ := files.ReadDir("assets")
	for _, e := range entries {
		fresh[e.Name()] = read("assets/" + e.Name())
	}
	time.Sleep(delay)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"go": version, "package": pkg.Name(), "replace": lib.Name(), "embed": read("data.txt"), "new embed": fresh,
			"assembly": number(), "header": header(), "env": os.Getenv("EXACT_VALUE"), "rule": string(view),
		})
	})
	http.ListenAndServe(os.Getenv("ADDR"), nil)
}
`,
	"app/number_amd64.go": "package main\n\nfunc n() int\n\nfunc number() int { return n() }\n",
	"app/number_other.go": "//go:build !amd64\n\npackage main\n\nfunc number() int { return 0 }\n",
	"app/cgo.go":          "//go:build cgo\n\npackage main\n\nimport \"example.test/app/c\"\n\nfunc header() int { return c.Value() }\n",
	"app/nocgo.go":        "//go:build !cgo\n\npackage main\n\nfunc header() int { return 0 }\n",
	"app/c/c.go":          "package c\n\n// #include \"value.h\"\nimport \"C\"\n\nfunc Value() int { return C.VALUE }\n",
}

// exact is the state of the files, and what writes them.
type exact struct {
	t      *testing.T
	r      *rand.Rand
	dir    string
	asm    bool
	cgo    bool
	values map[string]int // by kind of input
	assets map[string]int
	count  int
}

func (x *exact) kinds() []string {
	kinds := []string{"go", "package", "replace", "embed", "new embed", "env", "rule"}
	if x.asm {
		kinds = append(kinds, "assembly")
	}
	if x.cgo {
		kinds = append(kinds, "header")
	}
	return kinds
}

// edit saves a new value of one kind of input.
func (x *exact) edit(kind string) {
	x.count++
	n := x.count
	x.values[kind] = n
	switch kind {
	case "go":
		delay := x.r.IntN(3) * 120
		x.save("app/version.go", fmt.Sprintf("package main\n\nimport \"time\"\n\nconst version = %d\nconst delay = %d * time.Millisecond\n", n, delay))
	case "package":
		x.save("app/pkg/pkg.go", fmt.Sprintf("package pkg\n\nfunc Name() int { return %d }\n", n))
	case "replace":
		x.save("lib/lib.go", fmt.Sprintf("package lib\n\nfunc Name() int { return %d }\n", n))
	case "embed":
		x.save("app/data.txt", fmt.Sprint(n))
	case "new embed":
		name := fmt.Sprintf("f%d.txt", x.r.IntN(4))
		if _, there := x.assets[name]; there && len(x.assets) > 1 && x.r.IntN(3) == 0 {
			delete(x.assets, name)
			if err := os.Remove(filepath.Join(x.dir, "app", "assets", name)); err != nil {
				x.t.Fatal(err)
			}
			return
		}
		x.assets[name] = n
		x.save("app/assets/"+name, fmt.Sprint(n))
	case "assembly":
		x.save("app/number_amd64.s", strings.Replace(assembly, "$1", fmt.Sprintf("$%d", n), 1))
	case "header":
		x.save("app/c/value.h", fmt.Sprintf("#define VALUE %d\n", n))
	case "env":
		x.save("app/.env", fmt.Sprintf("EXACT_VALUE=%d\n", n))
	case "rule":
		x.save("app/views/a.html", fmt.Sprint(n))
	}
}

// save writes a file in one of the ways in which editors and tools do.
func (x *exact) save(name, content string) {
	path := filepath.Join(x.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		x.t.Fatal(err)
	}
	switch x.r.IntN(5) {
	case 0: // in place
		write(x.t, path, content)
	case 1: // a new file in its place
		replaceFile(x.t, path, content)
	case 2: // away, then again
		os.Rename(path, path+"~")
		write(x.t, path, content)
		os.Remove(path + "~")
	case 3: // truncated, then in two pieces
		f, err := os.Create(path)
		if err != nil {
			x.t.Fatal(err)
		}
		half := len(content) / 2
		f.WriteString(content[:half])
		time.Sleep(time.Duration(x.r.IntN(12)) * time.Millisecond) // the editor's own pace
		f.WriteString(content[half:])
		f.Close()
	case 4: // the same twice
		write(x.t, path, content)
		write(x.t, path, content)
	}
}

// want is what the program has to answer now.
func (x *exact) want() map[string]string {
	want := map[string]string{"new embed": fmt.Sprint(x.assets)}
	for _, k := range x.kinds() {
		if k != "new embed" {
			want[k] = fmt.Sprint(x.values[k])
		}
	}
	return want
}

// got asks the program.
func (x *exact) got(s *session, addr string) map[string]string {
	var all map[string]any
	if err := json.Unmarshal([]byte(s.get(addr, "/")), &all); err != nil {
		x.t.Fatal(err)
	}
	got := map[string]string{}
	for _, k := range x.kinds() {
		if k == "new embed" {
			assets := map[string]string{}
			for name, v := range all[k].(map[string]any) {
				assets[name] = fmt.Sprint(v)
			}
			got[k] = fmt.Sprint(assets)
			continue
		}
		got[k] = fmt.Sprint(all[k])
	}
	return got
}

// E12, M1: whatever is saved, how and when, once `wait` has returned 0 the program is made of
// it, and `status` says the same. (make exact plays 2,000 rounds.)
func TestE12Exact(t *testing.T) {
	t.Parallel()
	const perSession = 8
	rounds := *exactRounds
	if testing.Short() {
		rounds = min(rounds, perSession/2)
	}
	_, noCC := exec.LookPath("gcc")
	for first := 0; first < rounds; first += perSession {
		seed := *exactSeed + uint64(first/perSession)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			x := &exact{
				t: t, r: rand.New(rand.NewPCG(seed, 12)), dir: newApp(t, exactApp), asm: runtime.GOARCH == "amd64", cgo: noCC == nil,
				values: map[string]int{}, assets: map[string]int{},
			}
			for _, k := range x.kinds() {
				x.edit(k)
			}
			if !x.asm {
				x.values["assembly"] = 0
			}
			addr := testkit.Address(t)
			s := start(t, filepath.Join(x.dir, "app"), []string{"--set", fmt.Sprintf("build.engine=%q", []string{"auto", "go"}[x.r.IntN(2)])}, withEnv("ADDR="+addr))
			s.waitFor([]string{"session_started", "live"}[x.r.IntN(2)]) // edits come before anything runs, too
			for round := range min(perSession, rounds-first) {
				var edits []string
				for range 1 + x.r.IntN(3) {
					kind := x.kinds()[x.r.IntN(len(x.kinds()))]
					edits = append(edits, kind)
					x.edit(kind)
					if x.r.IntN(2) == 0 {
						time.Sleep(time.Duration(x.r.IntN(400)) * time.Millisecond) // a random moment is the subject
					}
				}
				s.succeed(0, "wait")
				got, want := x.got(s, addr), x.want()
				if !maps.Equal(got, want) {
					t.Fatalf("round %d, after %v and wait:\ngot  %v\nwant %v\n%s", round, edits, got, want, s.dump())
				}
				if v := s.status().Services[0]; v.State != "live" || v.Stale {
					t.Fatalf("round %d: wait says live, status says %s, stale %v\n%s", round, v.State, v.Stale, s.dump())
				}
			}
		})
	}
}
