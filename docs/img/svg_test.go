//go:build unix

package main

import (
	"strings"
	"testing"
)

// The last lines of the terminal are drawn: every character in its column, and the colours, also
// those that were set on a line before.
func TestScreen(t *testing.T) {
	var b strings.Builder
	screen(&b, "too early \x1b[32m\nplain \x1b[1mgood\x1b[0m <&>  x\n\n  \x1b[2mfaint\x1b[22m \x1b[31mbad\n\x1b[39mover\n\n\n", margin, 4)
	s := b.String()
	wellFormed(t, "<svg>"+s+"</svg>")
	for _, want := range []string{
		`<text x="18.00" y="32" textLength="42.15" lengthAdjust="spacing" fill="#7ee787">plain</text>`,
		`<text x="68.58" y="32" textLength="33.72" lengthAdjust="spacing" fill="#7ee787" font-weight="700">good</text>`,
		`<text x="110.73" y="32" textLength="50.58" lengthAdjust="spacing">&lt;&amp;&gt;` + "\u00a0\u00a0x</text>",
		`<text x="34.86" y="70" textLength="42.15" lengthAdjust="spacing" fill="#7d8590">faint</text>`,
		`fill="#ff7b72">bad</text>`,
		`<text x="18.00" y="89" textLength="33.72" lengthAdjust="spacing">over</text>`,
	} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
	if strings.Contains(s, "early") {
		t.Errorf("more than the last lines:\n%s", s)
	}
}
