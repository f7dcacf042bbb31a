//go:build unix

package builder

import (
	"debug/macho"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// uuidOf reads LC_UUID, which debug/macho knows only by its bytes. It is empty if there is none.
func uuidOf(t *testing.T, path string) string {
	t.Helper()
	f, err := macho.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, l := range f.Loads {
		if raw := l.Raw(); len(raw) == 24 && f.ByteOrder.Uint32(raw) == 0x1b {
			return hex.EncodeToString(raw[8:])
		}
	}
	return ""
}

// N1: a program for macOS has an LC_UUID, the same for every build of one service and another one for another service,
// whoever builds it.
func TestN1UUID(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the runtime for another system")
	}
	for _, arch := range []string{"arm64", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			dir := shop(t)
			o := Options{Env: testEnv("GOOS=darwin", "GOARCH="+arch, "CGO_ENABLED=0")}
			list := builders(t, dir, o, "api", "web")
			first := map[string]string{}
			see := func(name, path string) {
				t.Helper()
				id := uuidOf(t, path)
				if id == "" || id == "00000000000000000000000000000000" {
					t.Errorf("%s has no LC_UUID", path)
				}
				if first[name] == "" {
					first[name] = id
				} else if first[name] != id {
					t.Errorf("%s: LC_UUID %s, and %s before", name, id, first[name])
				}
				if got := buildIDOf(t, path); got != "hotreload/"+name {
					t.Errorf("%s: build ID %q", name, got)
				}
			}
			for name, r := range buildTogether(t, 1, list...) {
				see(name, r.Binary)
			}
			write(t, dir, "shared/shared.go", "package shared\n\nconst Name = \"two\"\n")
			for _, b := range list {
				see(b.o.Name, mustBuild(t, b, 2).Binary)
			}
			o.Engine = EngineDirect
			d := builders(t, dir, o, "api")[0]
			see("api", mustBuild(t, d, 1).Binary)
			idle(t, d)
			write(t, dir, "shared/shared.go", "package shared\n\nconst Name = \"six\"\n")
			r := mustBuild(t, d, 2)
			if r.Engine != EngineDirect {
				t.Errorf("left to go build: %s", r.Fallback)
			}
			see("api", r.Binary)
			if first["api"] == first["web"] {
				t.Errorf("api and web have the same LC_UUID %s", first["api"])
			}
		})
	}
}

// N2: binaries take turns under a few names, and none that may be in use is overwritten.
func TestN2Names(t *testing.T) {
	dir := t.TempDir()
	b := newBuilder(t, Options{Dir: dir, Name: "app", Command: Step{Shell: "cp prog out"}, Output: "out"})
	seen := map[string]bool{}
	text := func(gen int) string { return fmt.Sprintf("#!/bin/sh\necho %d\n", gen) }
	kept := map[int]string{} // generation -> binary: the good one, the proven one, one that ends, one that waits
	for gen := 1; gen <= 100; gen++ {
		write(t, dir, "prog", text(gen))
		kept[gen] = mustBuild(t, b, gen).Binary
		seen[filepath.Base(kept[gen])] = true
		for g, path := range kept {
			if got, err := os.ReadFile(path); err != nil || string(got) != text(g) {
				t.Fatalf("generation %d is %q (%v) after %d", g, got, err, gen)
			}
		}
		if gen > 3 {
			b.Remove(kept[gen-3])
			delete(kept, gen-3)
		}
		if got, want := names(t, b.bin), len(kept); len(got) != want {
			t.Fatalf("generation %d: %v are left of %d", gen, got, want)
		}
	}
	want := []string{"app-a", "app-b", "app-c", "app-d"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
}
