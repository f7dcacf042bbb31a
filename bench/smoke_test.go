//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The bench runs as a whole: by hand and hotreload, every short group, real figures
// in both files, and nothing left running.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("TestSmoke builds and restarts real programs for about a minute: not with -short")
	}
	dir := t.TempDir()
	gocache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"-short", "-n", "1", "-pause", "10ms", "-idle", "200ms", "-tools", "hand,hotreload",
		"-cache", filepath.Join(dir, "cache"), "-gocache", strings.TrimSpace(string(gocache)),
		"-json", filepath.Join(dir, "out.json"), "-write", filepath.Join(dir, "RESULTS.md")})
	if err != nil {
		t.Fatal(err)
	}
	if err := compare(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"F1 ", "F2 ", "F3 ", "F4 ", "F5 ", "Proxy: ", "Phases: F1", "Phases: F2"} {
		if _, err := processStat(os.Getpid()); err != nil && want == "F4 " {
			continue // needs /proc
		}
		found := false
		for _, tb := range r.Tables {
			if !strings.HasPrefix(tb.Title, want) {
				continue
			}
			for _, row := range tb.Rows {
				if strings.HasPrefix(row[1], "left out") {
					t.Errorf("%s: %v", tb.Title, row)
				}
				found = found || row[0] == ours || row[0] == ours+", proxy"
			}
		}
		if !found {
			t.Errorf("no figure of hotreload in a table %q", want)
		}
	}
	md, err := os.ReadFile(o.write)
	if err != nil || !strings.Contains(string(md), "| hotreload") {
		t.Errorf("RESULTS.md: %v\n%s", err, md)
	}
	for _, p := range descendants(os.Getpid()) {
		t.Errorf("left running: process %d", p.pid)
	}
}
