//go:build unix

package main

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// The cell of a character, and the colours of the eight names that a terminal knows.
const (
	cellWidth, cellHeight = 8.43, 19
	margin                = 18
	paper, ink, faint     = "#16181d", "#d7dae0", "#7d8590"
)

var colours = map[int]string{31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}

var sgr = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// style is what a terminal remembers of the sequences so far.
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

// svg draws what `tmux capture-pane -e -p` prints. Each run of characters has its own
// place, so that the columns stand whatever font there is.
func svg(pane string) string {
	lines := strings.Split(strings.TrimRight(pane, "\n "), "\n")
	columns := 0
	for _, l := range lines {
		columns = max(columns, len([]rune(sgr.ReplaceAllString(l, ""))))
	}
	width, height := 2*margin+float64(columns)*cellWidth, 2*margin+len(lines)*cellHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`+"\n", paper)
	fmt.Fprintf(&b, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="%s">`+"\n", ink)
	var now style
	for i, l := range lines {
		column := 0
		y := margin + i*cellHeight + 14
		write := func(text string) {
			if word := strings.TrimSpace(text); word != "" {
				indent := len([]rune(text)) - len([]rune(strings.TrimLeft(text, " ")))
				// Blanks are drawn as they stand only if they cannot be broken.
				fmt.Fprintf(&b, `<text x="%.2f" y="%d" textLength="%.2f" lengthAdjust="spacing"%s>%s</text>`+"\n",
					margin+float64(column+indent)*cellWidth, y, float64(len([]rune(word)))*cellWidth, now.attributes(),
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
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
