package ui

import (
	"github.com/fatih/color"

	"github.com/hotreload/hotreload/internal/safe"
)

// style is a colour or the like. Its escape sequences are the only ones in hotreload's own
// lines: what it colours is Text already.
type style struct{ color *color.Color }

func newStyle(enabled bool, attrs ...color.Attribute) style {
	c := color.New(attrs...)
	if enabled {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return style{c}
}

func (s style) text(t safe.Text) safe.Text { return safe.Text(s.color.Sprint(string(t))) }

func (s style) sprintf(format string, args ...any) safe.Text {
	return s.text(safe.Sprintf(format, args...))
}
