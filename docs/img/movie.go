//go:build unix

package main

import (
	"encoding/base64"
	"fmt"
	"html"
	"strings"
)

// frame is one state of the animation: the terminal, what was just saved, and the browser.
type frame struct {
	pane    string // with colours, of tmux
	caption string
	page    []byte // a PNG of pageWidth x pageHeight
	seconds float64
}

const (
	columns, rows         = 90, 15
	pageWidth, pageHeight = 758, 250
	captionHeight         = 40
	barHeight             = 30 // of the browser's window
)

// movie is an SVG that shows the frames one after the other, again and again. It needs no script:
// a picture in a page may have none. Who wants no motion sees the last frame.
func movie(address string, frames []frame) string {
	const width = 2*margin + pageWidth
	terminal := 2*margin + rows*cellHeight
	caption := terminal + captionHeight
	height := caption + barHeight + pageHeight + margin
	total := 0.0
	for _, f := range frames {
		total += f.seconds
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	b.WriteString("<style>\n.f{visibility:hidden}\n")
	at := 0.0
	for i, f := range frames {
		from, to := 100*at/total, 100*(at+f.seconds)/total
		hidden := "0%{visibility:hidden}"
		if i == 0 {
			hidden = ""
		}
		fmt.Fprintf(&b, "@keyframes k%d{%s%.3f%%{visibility:visible}%.3f%%{visibility:hidden}}\n", i, hidden, from, to)
		fmt.Fprintf(&b, ".k%d{animation:k%d %.1fs step-end infinite}\n", i, i, total)
		at += f.seconds
	}
	fmt.Fprintf(&b, "@media (prefers-reduced-motion: reduce){.f{animation:none}.k%d{visibility:visible}}\n</style>\n", len(frames)-1)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`+"\n", paper)
	fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="#2a2e36"/>`+"\n", margin, caption, pageWidth, barHeight+pageHeight)
	fmt.Fprintf(&b, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="%s">`+"\n", ink)
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", margin+14, caption+20, faint, html.EscapeString(address))
	// The same page is written once, however many frames show it.
	pages := map[string]int{}
	b.WriteString("<defs>\n")
	for _, f := range frames {
		if _, known := pages[string(f.page)]; !known {
			n := len(pages)
			pages[string(f.page)] = n
			fmt.Fprintf(&b, `<image id="p%d" x="%d" y="%d" width="%d" height="%d" href="data:image/png;base64,%s"/>`+"\n",
				n, margin, caption+barHeight, pageWidth, pageHeight, base64.StdEncoding.EncodeToString(f.page))
		}
	}
	b.WriteString("</defs>\n")
	for i, f := range frames {
		fmt.Fprintf(&b, `<g class="f k%d">`+"\n", i)
		screen(&b, f.pane, margin, rows)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#e3b341">%s</text>`+"\n", margin, terminal+16,
			strings.ReplaceAll(html.EscapeString(f.caption), " ", "\u00a0"))
		fmt.Fprintf(&b, `<use href="#p%d"/>`+"\n</g>\n", pages[string(f.page)])
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
