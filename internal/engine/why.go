package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
)

// Answer says what a change of a file would do to one service.
type Answer struct {
	Service string   `json:"service"`
	Effect  string   `json:"effect"`
	Why     string   `json:"why"`
	Chain   []string `json:"chain"` // import path of the main package ... import path of the file's package

	Rules []RuleNote `json:"rules,omitempty"` // paths of rules that match no file; the same for every service
}

// Why answers for every service without starting anything. The path is absolute.
func Why(ctx context.Context, o Options, path string) ([]Answer, error) {
	o.Once = false
	e := &Engine{opt: o, root: o.Config.Root, ctx: ctx, settings: newSettingsFiles()}
	e.conf.Store(o.Config)
	cache, err := os.MkdirTemp("", "hotreload-why-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(cache)
	var list []*service
	for _, c := range o.Services {
		v := &service{engine: e, name: c.Name}
		// A cache of its own: a session may be building in the project's.
		set, err := v.settings(c, filepath.Join(cache, cacheName(c.Name)))
		if err != nil {
			return nil, err
		}
		v.conf.Store(set)
		if set.GoBuilds() {
			g, err := gograph.Load(ctx, v.graphOptions())
			if err != nil {
				return nil, err
			}
			v.graph.Store(g)
			if o.Config.Watch.Discover {
				v.opens.Store(e.findOpens(openingOf{graph: g, dir: e.abs(set.Run.Dir)}))
			}
		}
		list = append(list, v)
	}
	e.roster.Store(newRoster(list))
	w, err := e.newWatcher(o.Config)
	if err != nil {
		return nil, err
	}
	ignored, is := w.Ignored(path)
	notes := e.ruleNotes(ctx, w)
	var out []Answer
	for _, v := range e.all() {
		ef := v.effect(path)
		a := Answer{Service: v.name, Effect: ef.Kind.String(), Why: ef.Why, Chain: []string{}, Rules: notes} // Chain: never null in JSON
		switch g := v.graph.Load(); {
		case path == o.Config.Path:
			a.Effect, a.Why = "reconfigure", "the config file"
		case is:
			a.Effect, a.Why = plan.None.String(), ignored
		case ef.Input && g != nil:
			a.Chain = append(a.Chain, g.Verdict(path).Chain...)
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no service")
	}
	return out, nil
}
