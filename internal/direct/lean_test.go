package direct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/gocmd"

	"github.com/hotreload/hotreload/internal/testkit"
)

var noDebug = []string{"-buildvcs=false", "-pgo=off", "-ldflags=-w -buildid=hotreload/app"}

// lean has the packages that are not edited linked without their debug information, where the flags allow that.
func (w *world) lean() {
	w.t.Helper()
	if err := w.e.Lean(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if want := withoutDWARF(w.e.recipe.link.args); want != (len(w.e.lean) > 0) {
		w.t.Fatalf("%d lean archives, with the linker's arguments %q", len(w.e.lean), w.e.recipe.link.args)
	}
}

// TestD1Lean holds that lean archives are used, and that without them, or with one that is spoilt, the program is the same.
func TestD1Lean(t *testing.T) {
	testkit.Slow(t)
	w := newWorld(t, module(t, program), ".", noDebug)
	edits := 0
	edit := func() {
		t.Helper()
		edits++
		w.write(map[string]string{"leaf/edited.go": fmt.Sprintf("package leaf\n\nfunc init() { println(%d) }\n", edits)})
		w.same()
	}
	w.write(map[string]string{"leaf/edited.go": "package leaf\n"})
	w.refresh()
	w.lean()

	// All are of the packages outside of the module, and what the linker gets names them.
	first := w.e.lean
	for from, to := range first {
		if filepath.Dir(to.path) != w.e.leanDir() || !strings.HasPrefix(filepath.Base(to.path), filepath.Base(from)+"-") {
			t.Errorf("%s replaces %s", to.path, from)
		}
	}
	given := string(importcfg(w.e.recipe.link.cfg, func(q *pkg) string { return w.e.state.archives[q.index].path }, w.e.lean))
	for _, name := range []string{"runtime", "fmt", "reflect"} {
		if !strings.Contains(given, "packagefile "+name+"="+w.e.leanDir()) {
			t.Errorf("the linker reads another archive of %s", name)
		}
	}
	if strings.Contains(given, "packagefile example.com/app/leaf="+w.e.leanDir()) {
		t.Error("a package that is edited is lean")
	}
	edit()

	// A check keeps them, and another engine finds them.
	if err := w.settled(func() error { return w.e.Check(w.ctx) }); err != nil {
		t.Fatal(err)
	}
	edit()
	if !maps.Equal(w.e.lean, first) {
		t.Error("the check has dropped lean archives")
	}
	stamps := func() map[string]stamp {
		all := map[string]stamp{}
		for _, to := range first {
			s, err := stampOf(to.path)
			if err != nil || !s.exists() {
				t.Fatalf("%s: %v", to.path, err)
			}
			all[to.path] = s
		}
		return all
	}
	before := stamps()
	w.engine()
	w.refresh()
	w.lean()
	if !maps.Equal(stamps(), before) {
		t.Error("another engine has made them again")
	}

	// Somebody clears the cache.
	if err := os.RemoveAll(w.e.leanDir()); err != nil {
		t.Fatal(err)
	}
	edit()
	if len(w.e.lean) > 0 || w.e.Status().LeanDone {
		t.Error("lean archives that are gone are still named, or not wanted any more")
	}

	// What a crash has left cannot be linked, or makes another program, and is made again.
	for _, spoil := range []func([]byte) []byte{
		func(text []byte) []byte { return text[:len(text)/2] },
		func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("nil map"), []byte("NIL MAP")) },
	} {
		w.engine()
		w.refresh()
		w.lean()
		name := w.e.lean[exportOf(t, w, "runtime")].path
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bad := spoil(text)
		if bytes.Equal(bad, text) {
			t.Fatal("nothing was spoilt")
		}
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		w.engine()
		w.refresh()
		w.lean()
		if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, text) {
			t.Error("a spoilt archive was kept", err)
		}
		edit()
	}

	// What belongs to no package of the program is swept.
	stray := filepath.Join(w.e.leanDir(), strings.Repeat("0", 64)+"-d-"+strings.Repeat("0", 32))
	writeFile(t, stray, "of a program that is gone")
	old := filepath.Join(filepath.Dir(w.e.leanDir()), "lean-1")
	writeFile(t, filepath.Join(old, "x"), "of an older version")
	w.engine()
	w.refresh()
	w.lean()
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Error("a lean archive of another program was kept", err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Error("lean archives of another version were kept", err)
	}
}

// TestD3Damage holds that a lean archive that is damaged where the program does not use it, so that no link shows it, is found:
// at the start of a session by its content, later by its stamp. It is made again.
func TestD3Damage(t *testing.T) {
	testkit.Slow(t)
	files := maps.Clone(program)
	files["leaf/day.go"] = "package leaf\n\nimport \"time\"\n\nvar pause = time.Second\n\nfunc init() { println(pause) }\n"
	w := newWorld(t, module(t, files), ".", noDebug)
	w.refresh()
	w.lean()
	name := w.e.lean[exportOf(t, w, "time")].path
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	damage := func() {
		t.Helper()
		bad := bytes.ReplaceAll(text, []byte("Thursday"), []byte("Thirstay"))
		if bytes.Equal(bad, text) {
			t.Fatal("nothing was damaged")
		}
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	used := func(damaged bool) {
		t.Helper()
		if got, err := os.ReadFile(name); err != nil || bytes.Equal(got, text) == damaged {
			t.Errorf("damaged: %v, want %v (%v)", !damaged, damaged, err)
		}
		w.replace("leaf/day.go", "println(pause)", "println(pause, time.Thursday.String())")
		w.same()
		w.replace("leaf/day.go", "println(pause, time.Thursday.String())", "println(pause)")
		w.same()
	}
	damage()
	w.engine()
	w.refresh()
	w.lean()
	used(false)

	damage()
	used(true)
	if len(w.e.lean) > 0 || w.e.Status().LeanDone {
		t.Error("the damaged archive is still used, or no other is wanted")
	}
	w.lean()
	used(false)
	if len(w.e.lean) == 0 {
		t.Error("the new archive is not used")
	}
}

// TestD2Lean holds that lean archives are not used any more when the program is to have debug information.
func TestD2Lean(t *testing.T) {
	testkit.Slow(t)
	settings := filepath.Join(t.TempDir(), "env")
	writeFile(t, settings, "GOFLAGS='-ldflags=-w -buildid=hotreload/app'\n")
	w := newWorld(t, module(t, program), ".", []string{"-buildvcs=false", "-pgo=off"}, "GOENV="+settings)
	w.refresh()
	w.lean()
	w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
	w.same()
	writeFile(t, settings, "GOFLAGS='-ldflags=-buildid=hotreload/app'\n")
	w.left("settings of the go command")
	w.refresh()
	w.lean()
	w.replace("leaf/leaf.go", `"a longer body"`, `"the longest body"`)
	w.same()
}

func exportOf(t *testing.T, w *world, name string) string {
	t.Helper()
	for _, l := range w.e.recipe.link.cfg {
		if n, path, ok := gocmd.PackageFile(l.text); ok && n == name {
			return path
		}
	}
	t.Fatalf("the program has no package %s", name)
	return ""
}

// TestD4Lean holds that a linker that makes something else of lean archives opens the breaker, and that one that cannot do
// anything with them gets whole ones.
func TestD4Lean(t *testing.T) {
	testkit.Slow(t)
	wrapped := func(t *testing.T, script string) *world {
		w := newWorld(t, module(t, program), ".", noDebug)
		w.refresh()
		linker := w.e.recipe.link.tool.Argv[0]
		wrapper := filepath.Join(w.out, "link")
		executable(t, wrapper, "#!/bin/sh\n"+strings.ReplaceAll(script, "LINK", linker)+"\n")
		w.e.recipe.link.tool.Argv = []string{wrapper}
		return w
	}
	t.Run("differs", func(t *testing.T) {
		w := wrapped(t, `LINK "$@" || exit; grep -q lean- "$4" && echo more >>"$2"; exit 0`)
		var m *Mismatch
		if err := w.e.Lean(w.ctx); !errors.As(err, &m) {
			t.Fatalf("got %v, want a mismatch", err)
		}
		if s := w.e.Status(); s.HasRecipe || !strings.Contains(s.Distrusted, "debug information") {
			t.Errorf("%+v", s)
		}
		w.left("turned off")
	})
	t.Run("fails", func(t *testing.T) {
		w := wrapped(t, `grep -q lean- "$4" && echo no space left && exit 1; exec LINK "$@"`)
		if err := w.e.Lean(w.ctx); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Fatalf("got %v, want what the linker says", err)
		}
		if s := w.e.Status(); !s.HasRecipe || s.Distrusted != "" || !s.LeanDone || len(w.e.lean) > 0 {
			t.Errorf("%+v, %d lean archives", s, len(w.e.lean))
		}
		if _, err := os.Stat(w.e.leanDir()); !errors.Is(err, os.ErrNotExist) {
			t.Error("lean archives that are of no use were kept", err)
		}
		w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
		w.same()
	})
}

// TestLeanProcess holds that a process of its own makes lean archives, that it ends with the context, that one that fails is not
// asked again after every build, and that a program that has no such process goes without.
func TestLeanProcess(t *testing.T) {
	w := newWorld(t, module(t, program), ".", noDebug)
	w.refresh()
	from := exportOf(t, w, "runtime")

	t.Run("ends", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		if said, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
			t.Skipf("no mkfifo: %v %s", err, said)
		}
		ctx, cancel := context.WithCancel(w.ctx)
		dir, over := t.TempDir(), make(chan error)
		go func() { over <- w.e.runLean(ctx, dir, []string{from, pipe}) }()
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0) // once it is read
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := f.Write([]byte("x")); err == nil {
			t.Error("a reader is left")
		}
		there, err := leanIn(dir)
		if text, _ := os.ReadFile(there[filepath.Base(from)]); err != nil || !bytes.HasPrefix(text, []byte(arMagic)) {
			t.Error("what was made before is gone", err)
		}
	})
	t.Run("fails", func(t *testing.T) {
		dir := t.TempDir()
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if text, err = lean(text); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, leanName(from, text), "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		err = w.e.runLean(w.ctx, dir, []string{from})
		if !errors.Is(err, ErrFallback) || !strings.Contains(err.Error(), "could not be made: remove ") {
			t.Errorf("got %v", err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Error("something is left", entries, err)
		}
	})
	t.Run("none", func(t *testing.T) {
		helper = false
		defer func() { helper = true }()
		if err := w.e.Lean(w.ctx); !errors.Is(err, ErrFallback) {
			t.Errorf("got %v", err)
		}
		if s := w.e.Status(); !s.HasRecipe || !s.LeanDone || len(w.e.lean) > 0 {
			t.Errorf("%+v, %d lean archives", s, len(w.e.lean))
		}
		w.replace("leaf/leaf.go", `"big body"`, `"a longer body"`)
		w.same()
	})
}

// standard are compiled packages of the standard library, with and without assembly, generics and much debug information.
func standard(t testing.TB) map[string][]byte {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-f", "{{.ImportPath}} {{.Export}}", "runtime", "sync/atomic", "reflect",
		"net/http", "slices", "errors", "crypto/sha256", "encoding/json", "math/big")
	cmd.Dir = t.TempDir() // any version will do
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(said)) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if all[name], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestLeanSymbols holds that an archive keeps every symbol that is no debug information, in its place and with all that it
// holds and refers to, and that nothing is left of those that are. What symbols there are is asked of Go's own tool.
func TestLeanSymbols(t *testing.T) {
	testkit.Slow(t)
	path := filepath.Join(t.TempDir(), "one.a")
	for name, text := range standard(t) {
		short, err := lean(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(short) > len(text)*9/10 {
			t.Errorf("%s: %d bytes of %d are left", name, len(short), len(text))
		}
		symbols := func(text []byte) (kept []string, debug int) {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			nm := exec.Command("go", "tool", "nm", "-size", path)
			nm.Dir = filepath.Dir(path)
			said, err := nm.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, said)
			}
			for line := range strings.Lines(string(said)) {
				f := nmLine.FindStringSubmatch(line)
				switch {
				case f == nil:
					t.Fatalf("%s: %q", name, line)
				case f[1] == "U": // also those of other packages, which have names for such tools alone
				case f[1] != "?":
					kept = append(kept, f[1]+" "+f[2])
				case f[2] != "":
					debug++
				}
			}
			slices.Sort(kept)
			return kept, debug
		}
		kept, debug := symbols(text)
		after, left := symbols(short)
		if !slices.Equal(kept, after) || len(kept) < 10 {
			t.Errorf("%s: %d symbols, %d after", name, len(kept), len(after))
		}
		if debug == 0 || left > 0 {
			t.Errorf("%s: %d names of debug information, %d after", name, debug, left)
		}

		one, two := objects(t, text), objects(t, short)
		if len(one) != len(two) {
			t.Fatalf("%s: %d objects, %d after", name, len(one), len(two))
		}
		for n, o := range one {
			p := two[n]
			if o.defs != p.defs || o.refs != p.refs {
				t.Fatalf("%s: %d and %d symbols, %d and %d after", name, o.defs, o.refs, p.defs, p.refs)
			}
			for i := range o.defs + o.refs {
				switch {
				case o.dwarf(i):
					if len(p.name(i)) > 0 || i < o.defs && len(p.of(relocs, i))+len(p.of(auxes, i))+len(p.of(data, i)) > 0 {
						t.Fatalf("%s: something is left of %q", name, o.name(i))
					}
				case !bytes.Equal(o.symbol(i), p.symbol(i)), !bytes.Equal(o.name(i), p.name(i)),
					i < o.defs && !bytes.Equal(o.of(relocs, i), p.of(relocs, i)), i < o.defs && !bytes.Equal(o.of(data, i), p.of(data, i)):
					t.Fatalf("%s: %q is another", name, o.name(i))
				case i < o.defs:
					var want []byte
					for a := range o.each(auxes, i) {
						if !dwarfAux(a) {
							want = append(want, a...)
						}
					}
					if !bytes.Equal(want, p.of(auxes, i)) {
						t.Fatalf("%s: %q has something else beside it", name, o.name(i))
					}
				}
			}
		}
	}
}

// nmLine is kind and name of a symbol, behind an address, which is where it is in the archive, and a size, which is the
// distance to the next address.
var nmLine = regexp.MustCompile(`\d+ ([A-Za-z?]) ?(.*)\n$`)

// objects are those of Go in an archive.
func objects(t *testing.T, archive []byte) (all []*object) {
	t.Helper()
	parts, err := members(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range parts {
		if _, text, ok := cutObject(m.data); ok && m.name != arExport {
			o, err := readObject(text)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, o)
		}
	}
	return all
}

// TestLeanRefuses holds that an archive stays as it is whose debug information could lead to something else, or which is not
// understood.
func TestLeanRefuses(t *testing.T) {
	text := standard(t)["errors"]
	_, rest, _ := bytes.Cut(text, []byte("go object "))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	version := strings.Fields(string(line))[2]
	parse := func(text []byte) *object { return objects(t, text)[0] }
	// first finds the first relocation of a DWARF symbol that satisfies a condition.
	first := func(o *object, wants func(i, target int) bool) []byte {
		for i := range o.defs {
			if o.dwarf(i) {
				for r := range o.each(relocs, i) {
					if wants(i, o.target(relocs, r)) {
						return r
					}
				}
			}
		}
		t.Fatal("no such relocation")
		return nil
	}
	function := func(o *object) int { // a function
		for i := range o.self {
			if o.symbol(i)[10] == 1 {
				return i
			}
		}
		t.Fatal("no function")
		return 0
	}
	for _, c := range []struct {
		name  string
		spoil func(text []byte)
	}{
		{"no archive", func(text []byte) { text[0] = 'x' }},
		{"another version", func(text []byte) {
			copy(text[bytes.LastIndex(text, []byte(version)):], "go9")
		}},
		{"another format", func(text []byte) { copy(text[bytes.Index(text, []byte(objectMagic)):], "\x00go999ld") }},
		{"debug information of one function leads to another", func(text []byte) {
			o := parse(text)
			f := function(o)
			r := first(o, func(_, target int) bool { return target >= 0 && target < o.defs && !o.dwarf(target) && target != f })
			le.PutUint32(r[15:], pkgSelf)
			le.PutUint32(r[19:], uint32(f))
			le.PutUint16(r[5:], 1)
		}},
		{"it leads to another package", func(text []byte) {
			o := parse(text)
			r := first(o, func(_, target int) bool { return target >= 0 })
			le.PutUint32(r[15:], 1)
			le.PutUint16(r[5:], 1)
		}},
		{"a function refers to it", func(text []byte) {
			o := parse(text)
			for i := range o.defs {
				if o.symbol(i)[10] == 1 && len(o.of(relocs, i)) > 0 {
					r := o.of(relocs, i)
					for d := range o.self {
						if o.dwarf(d) {
							le.PutUint32(r[15:], pkgSelf)
							le.PutUint32(r[19:], uint32(d))
							return
						}
					}
				}
			}
			t.Fatal("no function with a relocation")
		}},
		{"it describes two", func(text []byte) {
			o := parse(text)
			var seen []byte
			for i := range o.defs {
				for a := range o.each(auxes, i) {
					if dwarfAux(a) && seen == nil {
						seen = slices.Clone(a)
						break
					} else if dwarfAux(a) {
						copy(a, seen)
						return
					}
				}
			}
			t.Fatal("fewer than two")
		}},
	} {
		bad := slices.Clone(text)
		c.spoil(bad)
		if _, err := lean(bad); !errors.Is(err, errWhole) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := lean(text); err != nil {
		t.Error(err)
	}
}

// FuzzLean holds that no file makes lean panic, and that what it makes can be read and has nothing left to take away.
func FuzzLean(f *testing.F) {
	for name, text := range standard(f) {
		if name == "errors" || name == "slices" {
			f.Add(text)
		}
	}
	f.Add([]byte(arMagic))
	f.Fuzz(func(t *testing.T, text []byte) {
		short, err := lean(text)
		if err != nil {
			if !errors.Is(err, errWhole) {
				t.Error(err)
			}
			return
		}
		again, err := lean(short)
		if err != nil || len(again) < len(arMagic) {
			t.Fatalf("not once more: %v", err)
		}
	})
}
