//go:build linux

package builder

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// B4: a full disk, made of a small tmpfs in a mount namespace of this test's own.
func TestDiskFull(t *testing.T) {
	testkit.Slow(t)
	dir := project(t, map[string]string{"main.go": tiny})
	for _, what := range []string{"cache", "GOCACHE"} {
		t.Run(what, func(t *testing.T) {
			mount := t.TempDir()
			cmd := exec.Command("unshare", "-Urm", "sh", "-c", `mount -t tmpfs -o size=24m none "$0" && exec "$@"`, mount, os.Args[0], "-test.run=^$")
			cmd.Env = testEnv("BUILDER_TEST_DISK="+what, "BUILDER_TEST_MOUNT="+mount, "BUILDER_TEST_PROJECT="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil && !strings.Contains(string(out), "begun") {
				t.Skipf("needs a user and a mount namespace (unshare -Urm): %v %s", err, out)
			}
			if err != nil || !strings.HasSuffix(string(out), "passed\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// diskHelper runs inside the namespace. What it prints is the error.
func diskHelper(what string) int {
	fmt.Println("begun")
	mount, dir := os.Getenv("BUILDER_TEST_MOUNT"), os.Getenv("BUILDER_TEST_PROJECT")
	o := Options{Dir: dir, Env: testEnv(), Cache: filepath.Join(mount, "cache"), Name: "x"}
	place := o.Cache
	if what == "GOCACHE" {
		place = filepath.Join(mount, "gocache")
		o.Cache = filepath.Join(dir, "..", "cache-of-"+what)
	}
	fail := func(format string, args ...any) int {
		fmt.Printf(format+"\n", args...)
		return 1
	}
	b, err := New(o)
	if err != nil {
		return fail("New: %v", err)
	}
	edit := func(version string) error {
		return os.WriteFile(filepath.Join(dir, "main.go"), []byte(strings.Replace(tiny, "one", version, 1)), 0o644)
	}
	if err := edit("good " + what); err != nil {
		return fail("%v", err)
	}
	good := b.Build(context.Background(), 1)
	if !good.OK {
		return fail("the first build: %s\n%s", good.Summary, good.Output)
	}
	if what == "GOCACHE" {
		o.Env = append(o.Env, "GOCACHE="+place)
		o.Name = "y" // a new builder, as after an edit of the configuration
		if err := os.MkdirAll(place, 0o700); err != nil {
			return fail("%v", err)
		}
		if b, err = New(o); err != nil {
			return fail("New: %v", err)
		}
	}
	filler := filepath.Join(mount, "filler")
	f, err := os.Create(filler)
	if err != nil {
		return fail("%v", err)
	}
	for _, chunk := range []int{1 << 20, 64 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, chunk))
		}
	}
	f.Close()
	if err := edit("after " + what); err != nil {
		return fail("%v", err)
	}
	// One page free at a time: the build fails at different places.
	for free := int64(0); free <= 1<<20; free = free*4 + 4096 {
		st, err := os.Stat(filler)
		if err != nil {
			return fail("%v", err)
		}
		if err := os.Truncate(filler, st.Size()-free); err != nil {
			return fail("%v", err)
		}
		r := b.Build(context.Background(), 2)
		if r.OK && what == "GOCACHE" && free > 0 {
			break // with little space go compiles everything and keeps nothing
		}
		if r.OK {
			return fail("%d bytes free: the build succeeded", free)
		}
		if r.Binary != "" || !strings.HasPrefix(r.Summary, "no space left on device: "+place) || r.Hint != spaceHint {
			return fail("%d bytes free: summary %q, hint %q\n%s", free, r.Summary, r.Hint, r.Output)
		}
		if out, err := exec.Command(good.Binary).CombinedOutput(); err != nil || string(out) != "good "+what+"\n" {
			return fail("the last good binary: %v %q", err, out)
		}
	}
	if err := os.Remove(filler); err != nil {
		return fail("%v", err)
	}
	if what == "GOCACHE" {
		fmt.Println("passed") // the standard library does not fit into that cache
		return 0
	}
	r := b.Build(context.Background(), 3)
	if !r.OK {
		return fail("with space again: %s\n%s", r.Summary, r.Output)
	}
	if out, err := exec.Command(r.Binary).CombinedOutput(); err != nil || string(out) != "after "+what+"\n" {
		return fail("the new binary: %v %q", err, out)
	}
	fmt.Println("passed")
	return 0
}

// B4: a read-only cache, as an ordinary user sees it.
func TestReadOnlyCache(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere; TestCacheDirectory has the same with a file in the way")
	}
	dir := project(t, map[string]string{"main.go": tiny})
	b := newBuilder(t, Options{Dir: dir})
	if err := os.Chmod(b.tmp, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(b.tmp, 0o700)
	if r := build(t, b, 1); r.OK || !strings.Contains(r.Summary, b.tmp) || !strings.Contains(r.Summary, syscall.EACCES.Error()) {
		t.Errorf("summary %q", r.Summary)
	}
}
