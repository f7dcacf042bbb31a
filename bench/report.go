//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// report is everything that a run found out.
type report struct {
	Facts   []fact   `json:"facts"`
	Command string   `json:"command"`
	Tables  []*table `json:"tables"`
	Skipped []string `json:"skipped"` // tools and groups left out, with the reason
}

// fact is one thing to know about the machine.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// table is one group of figures.
type table struct {
	Title string     `json:"title"`
	Notes []string   `json:"notes,omitempty"` // conditions, one sentence each
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

func (t *table) row(cells ...string) { t.Rows = append(t.Rows, cells) }

// markdown writes the table with its columns aligned, so that it reads well in a terminal too.
// The first column is text, the others are figures.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "### %s\n\n", t.Title)
	width := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	line := func(row []string) {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(w, "| %s%s ", cell, pad)
			} else {
				fmt.Fprintf(w, "| %s%s ", pad, cell)
			}
		}
		fmt.Fprintln(w, "|")
	}
	line(t.Head)
	for i, n := range width {
		if i == 0 {
			fmt.Fprintf(w, "|:%s ", strings.Repeat("-", n))
		} else {
			fmt.Fprintf(w, "| %s:", strings.Repeat("-", n))
		}
	}
	fmt.Fprintln(w, "|")
	for _, row := range t.Rows {
		line(row)
	}
	fmt.Fprintln(w)
	for _, n := range t.Notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	if len(t.Notes) > 0 {
		fmt.Fprintln(w)
	}
}

// markdown writes bench/RESULTS.md.
func (r *report) markdown(w io.Writer) {
	fmt.Fprint(w, "# Results\n\nWritten by `"+r.Command+"`; what the columns mean and how it was measured: [README.md](README.md).\n"+
		"All figures of one table come from one run with the tools taking turns. Compare rows of one table, not tables of different days.\n\n")
	for _, f := range r.Facts {
		fmt.Fprintf(w, "- %s: %s\n", f.Name, f.Value)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "- left out: %s\n", s)
	}
	fmt.Fprintln(w)
	for _, t := range r.Tables {
		t.markdown(w)
	}
}

func writeMarkdown(r *report, file string) error {
	var b strings.Builder
	r.markdown(&b)
	return os.WriteFile(file, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644)
}

func writeJSON(r *report, file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// ms is a duration as whole milliseconds, with one decimal below 10 ms.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	if d == 0 || v >= 10 || v <= -10 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// times is a ratio as text; "" if there is none.
func times(q float64) string {
	if q == 0 {
		return ""
	}
	return strconv.FormatFloat(q, 'f', 2, 64)
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
