//go:build unix

package main

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// The cell of a character, in pixels, and the colours of the names that a terminal knows.
const (
	cellWidth, cellHeight = 8.43, 19
	margin                = 18
	paper, ink, faint     = "#16181d", "#d7dae0", "#7d8590"
)

var colours = map[int]string{31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}

var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// style is the effect of the sequences so far.
type style struct {
	bold, faint bool
	colour      int
}

func (s *style) apply(codes string) {
	for _, c := range strings.Split(codes, ";") {
		switch n, _ := strconv.Atoi(c); {
		case n == 0:
			*s = style{}
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 22:
			s.bold, s.faint = false, false
		case n == 39:
			s.colour = 0
		case n >= 30 && n <= 37:
			s.colour = n
		case n >= 90 && n <= 97:
			s.colour = n - 60
		}
	}
}

func (s style) attributes() string {
	a := ""
	switch {
	case colours[s.colour] != "":
		a = fmt.Sprintf(` fill="%s"`, colours[s.colour])
	case s.faint:
		a = fmt.Sprintf(` fill="%s"`, faint)
	}
	if s.bold {
		a += ` font-weight="700"`
	}
	return a
}

// screen writes what `tmux capture-pane -e -p` prints, the last rows lines of it, with its first
// line at y. Each run of characters has its own place, so that the columns are right with any font.
func screen(b *strings.Builder, pane string, y, rows int) {
	lines := strings.Split(strings.TrimRight(pane, "\n "), "\n")
	var now style
	for i, l := range lines {
		row := i - max(0, len(lines)-rows)
		column := 0
		write := func(text string) {
			if word := strings.TrimSpace(text); word != "" && row >= 0 {
				indent := len([]rune(text)) - len([]rune(strings.TrimLeft(text, " ")))
				// Blanks stay as they are only if they cannot be broken.
				fmt.Fprintf(b, `<text x="%.2f" y="%d" textLength="%.2f" lengthAdjust="spacing"%s>%s</text>`+"\n",
					margin+float64(column+indent)*cellWidth, y+row*cellHeight+14, float64(len([]rune(word)))*cellWidth, now.attributes(),
					strings.ReplaceAll(html.EscapeString(word), " ", "\u00a0"))
			}
			column += len([]rune(text))
		}
		at := 0
		for _, m := range sgr.FindAllStringSubmatchIndex(l, -1) {
			write(l[at:m[0]])
			now.apply(l[m[2]:m[3]])
			at = m[1]
		}
		write(l[at:])
	}
}
