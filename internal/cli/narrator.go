package cli

import (
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/ui"
)

// narrator prints the session on the terminal. Edits of the config change it
// while it works.
type narrator struct {
	sink     *ui.Switch
	screen   *ui.Screen
	palette  *ui.Palette
	text     *ui.Text
	colorOut bool
	colorErr bool
	clears   bool // the terminal can be cleared
}

func newNarrator(screen *ui.Screen, o ui.TextOptions, colorOut, clears bool) *narrator {
	n := &narrator{
		sink: new(ui.Switch), screen: screen, palette: new(ui.Palette),
		colorOut: colorOut, colorErr: o.Color, clears: clears,
	}
	o.Services = n.palette
	n.text = ui.NewText(screen, o)
	return n
}

// configure applies [log].
func (n *narrator) configure(c *config.Config) {
	n.text.Log(c.Log.Time, c.Log.Clear && n.clears)
	var sink event.Sink = n.text
	if c.Log.Format == config.FormatJSON {
		sink = ui.NewJSON(n.screen)
	}
	n.sink.Set(sink)
}

// services sets the names of the services.
func (n *narrator) services(names []string) {
	n.palette.Set(names)
	n.screen.Services(n.palette, n.colorOut, n.colorErr)
}

func namesOf(list []config.Service) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
