package ui

import (
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/fatih/color"

	"github.com/hotreload/hotreload/internal/safe"
)

// Palette gives every service its colour, the same one in hotreload's own lines as in
// front of the program's, and for as long as the session lasts.
type Palette struct {
	mu    sync.Mutex
	names []string       // that there are now, in the order of the config
	given map[string]int // colours, also of services that are gone
	width int            // of the longest name
}

// hues can be distinguished on dark and on light terminals, neighbours best. Red is for errors.
var hues = []color.Attribute{
	color.FgCyan, color.FgMagenta, color.FgYellow, color.FgBlue, color.FgGreen,
	color.FgHiCyan, color.FgHiMagenta, color.FgHiYellow, color.FgHiBlue, color.FgHiGreen,
}

// Set sets the names of the services.
func (p *Palette) Set(names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.given == nil {
		p.given = map[string]int{}
	}
	p.names, p.width = slices.Clone(names), 0
	for _, n := range names {
		if _, ok := p.given[n]; !ok {
			p.given[n] = len(p.given)
		}
		p.width = max(p.width, utf8.RuneCountInString(string(safe.Line(n))))
	}
}

// Names are the services that there are.
func (p *Palette) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.names)
}

// name has the names of services, as wide as the widest of all; empty if there is only one.
func (p *Palette) name(services []string, colored bool) safe.Text {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.names) < 2 || len(services) == 0 || services[0] == "" {
		return ""
	}
	var names []safe.Text
	wide := len(services) - 1
	for i, n := range services {
		name := safe.Line(n)
		wide += utf8.RuneCountInString(string(name))
		if i == len(services)-1 {
			name += blanks(p.width - wide)
		}
		names = append(names, newStyle(colored, hues[p.given[n]%len(hues)]).text(name))
	}
	return safe.Join(names, ",")
}

// tag is printed in front of a line of the service's program.
func (p *Palette) tag(service string, colored bool) []byte {
	lead := safe.Text("")
	if colored {
		lead = "\x1b[0m" // of a colour that the line before has left switched on
	}
	return []byte(lead + p.name([]string{service}, colored) + " | ")
}
