package watcher

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestIgnoredAgrees holds that Ignored says of every file what the watcher does with it, in trees
// and scopes that are made by chance.
func TestIgnoredAgrees(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		base := tempDir(t)
		root := filepath.Join(base, "p")
		some := func(list ...string) []string {
			return slices.DeleteFunc(list, func(string) bool { return rnd.IntN(3) > 0 })
		}
		elems := []string{"a", "b", "gen", "node_modules", "tmp"}
		files := map[string]string{"main.go": ""}
		var dirs []string
		for range 12 {
			var at []string
			for range 1 + rnd.IntN(3) {
				at = append(at, elems[rnd.IntN(len(elems))])
			}
			dir := strings.Join(at, "/")
			dirs = append(dirs, dir)
			for _, name := range some("x.go", "y.log", "keep.txt", "main.go~") {
				files[dir+"/"+name] = ""
			}
			if rnd.IntN(3) == 0 {
				files[dir+"/.gitignore"] = strings.Join(some("*.log", "gen/", "/a", "!keep.txt", "keep.txt", "b/*.go"), "\n")
			}
			if rnd.IntN(8) == 0 {
				files[dir+"/.git/HEAD"] = ""
			}
		}
		files[".gitignore"] = strings.Join(some("*.log", "gen/", "/a/b", "keep.txt", "tmp"), "\n")
		plant(t, root, files)
		for i := range rnd.IntN(4) { // links to directories, of the tree and outside
			to := filepath.Join(base, "out")
			plant(t, to, map[string]string{"x.go": "", "sub/y.log": "", "tmp/keep.txt": ""})
			if rnd.IntN(2) == 0 {
				to = filepath.Join(root, dirs[rnd.IntN(len(dirs))])
			}
			at := root
			if rnd.IntN(2) == 0 {
				at = filepath.Join(root, dirs[rnd.IntN(len(dirs))])
			}
			mkdir(t, at)
			mkdir(t, to)
			symlink(t, to, filepath.Join(at, fmt.Sprint("link", i)))
		}
		chance := func(salt, path string, why Skip) bool {
			h := fnv.New32a()
			fmt.Fprint(h, seed, salt, strings.TrimPrefix(path, base), why)
			return h.Sum32()%3 == 0
		}
		o := Options{
			Gitignore: true, Exclude: some("tmp", "b/x.go", "*.txt", "gen/"),
			Scope: Scope{
				Trees: []string{root},
				Keep:  func(f string, why Skip) bool { return chance("keep", f, why) },
				Enter: func(d string, why Skip) bool { return chance("enter", d, why) },
			},
		}
		for _, d := range some(dirs...) {
			o.Scope.Dirs = append(o.Scope.Dirs, filepath.Join(root, d))
		}
		w, err := New(o)
		must(t, err)
		counts := map[string]bool{}
		aliases := map[string][]string{} // names of one file, by its real one
		for _, f := range w.Files(t.Context()) {
			counts[f] = true
			dir, err := filepath.EvalSymlinks(filepath.Dir(f))
			must(t, err)
			real := filepath.Join(dir, filepath.Base(f))
			aliases[real] = append(aliases[real], f)
		}
		for real, names := range aliases {
			// A file counts under all its names if it does under one.
			if !slices.ContainsFunc(names, func(f string) bool { _, ignored := w.Ignored(f); return !ignored }) {
				why, _ := w.Ignored(names[0])
				t.Errorf("seed %d: %s is watched as %q; Ignored: %s", seed, real, names, why)
			}
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			why, ignored := w.Ignored(path)
			if len(aliases[path]) < 2 && ignored == counts[path] {
				t.Errorf("seed %d: %s is watched: %v; Ignored: %v (%s)\nscope %q, exclude %q, .gitignore %q", seed, path, counts[path], ignored, why, o.Scope.Dirs, o.Exclude, files[".gitignore"])
			}
			if ignored && why == "" {
				t.Errorf("seed %d: %s is ignored without a reason", seed, path)
			}
			return nil
		})
		must(t, err)
		if t.Failed() {
			return
		}
	}
}
