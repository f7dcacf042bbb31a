//go:build unix

package main

import (
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
)

func wellFormed(t *testing.T, s string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(s)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
}

// The chart has the medians of the tables, and the longest bar fills the width.
func TestChart(t *testing.T) {
	list, err := results(`### F1 save to served, small program (net/http and nothing else; 186 packages)

| tool            |   n | median ms | min ms |
|:--------------- | ---:| ---------:| ------:|
| by hand         |  11 |       432 |    419 |
| by hand, hotreload's flags |  11 | 329 | 314 |
| hotreload       |  11 |       108 |    176 |
| air             |  11 |      1728 |   1426 |

### Phases: F1 save to served, small program (net/http and nothing else; 186 packages)

| hotreload       |  11 |       1 |    176 |

### F1 save to served, large program (the Caddy server with its standard modules, Caddy itself as a local module; 1017 packages)

| tool      |   n | median ms |
| hotreload |   7 |      1520 |
`)
	if err != nil || len(list) != 2 || len(list[0].bars) != 3 || len(list[1].bars) != 1 {
		t.Fatalf("%v, %+v", err, list)
	}
	s := chart(list)
	wellFormed(t, s)
	for _, want := range []string{
		">net/http only <", ">186 packages<", ">Caddy <", ">1017 packages<", ">432 ms<", ">108 ms<", ">1.7 s<", ">1.5 s<", ">Air<",
		`width="520.0" height="16" rx="3" fill="#48505c"`, `width="32.5" height="16" rx="3" fill="#3fb950"`,
	} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
	if strings.Contains(s, "flags") || strings.Contains(s, ">1 ms<") {
		t.Errorf("rows that are not shown, or of another table:\n%s", s)
	}
}

// The tables of the results can be read.
func TestResults(t *testing.T) {
	page, err := os.ReadFile("../../bench/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := results(string(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if len(p.bars) < 3 {
			t.Errorf("%s: only %v", p.name, p.bars)
		}
	}
	if _, err := results("# nothing"); err == nil {
		t.Error("a page without tables is no error")
	}
}
