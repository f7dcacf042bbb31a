//go:build unix

package main

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// bar is the median of one tool, in milliseconds.
type bar struct {
	tool string
	ms   int
}

// program is what was measured with each tool: its name, and how large it is.
type program struct {
	name, packages string
	bars           []bar
}

var (
	section = regexp.MustCompile(`^### F1 save to served, \w+ program \((.*?)(?:,[^;]*)?; (\d+) packages\)$`)
	// shown is which rows are drawn and what they are called.
	shown = map[string]string{
		"by hand": "by hand", "hotreload": "hotreload", "air": "Air", "air, delay 1 ms": "Air, delay = 1",
		"wgo": "wgo", "reflex": "reflex",
	}
	// called shortens the names of programs.
	called = strings.NewReplacer("net/http and nothing else", "net/http only", "the Caddy server with its standard modules", "Caddy",
		"the Traefik proxy with all its providers", "Traefik")
)

// results reads the figures of F1 from bench/RESULTS.md: the first table of each section.
func results(page string) (list []program, err error) {
	table := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if m := section.FindStringSubmatch(line); m != nil {
			list = append(list, program{name: called.Replace(m[1]), packages: m[2]})
			table = true
			continue
		}
		if strings.HasPrefix(line, "#") {
			table = false
		}
		if !table || !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(line, "|")
		name, draw := shown[strings.TrimSpace(cells[1])]
		if !draw {
			continue
		}
		ms, err := strconv.Atoi(strings.TrimSpace(cells[3]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		p := &list[len(list)-1]
		p.bars = append(p.bars, bar{name, ms})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no table of F1 was found")
	}
	return list, nil
}

// chart draws one group of bars for each program. Each group has its own scale: what
// counts is the ratio of the tools, and programs differ by a factor of 25.
func chart(programs []program) string {
	const (
		width, left, right = 760, 150, 90
		row, gap, title    = 22, 20, 26
	)
	height := 2*margin - gap
	for _, p := range programs {
		height += title + row*len(p.bars) + gap
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="%s"/>`+"\n", paper)
	fmt.Fprintf(&b, `<g font-family="system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="13" fill="%s">`+"\n", ink)
	y := margin
	for _, p := range programs {
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="600">%s <tspan fill="%s" font-weight="400">%s packages</tspan></text>`+"\n",
			margin, y+12, html.EscapeString(p.name), faint, p.packages)
		y += title
		longest := 1
		for _, r := range p.bars {
			longest = max(longest, r.ms)
		}
		for _, r := range p.bars {
			length := float64(width-left-right) * float64(r.ms) / float64(longest)
			colour, weight := "#48505c", 400
			if r.tool == "hotreload" {
				colour, weight = "#3fb950", 600
			}
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" font-weight="%d">%s</text>`+"\n", left-10, y+13, weight, html.EscapeString(r.tool))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="3" fill="%s"/>`+"\n", left, y+2, length, row-6, colour)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" font-weight="%d">%s</text>`+"\n", float64(left)+length+8, y+13, weight, seconds(r.ms))
			y += row
		}
		y += gap
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

func seconds(ms int) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
