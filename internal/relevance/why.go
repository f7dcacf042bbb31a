package relevance

import (
	"context"
	"errors"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// Answer says what a change of a file would do to one service.
type Answer struct {
	Service string   `json:"service"`
	Effect  string   `json:"effect"`
	Why     string   `json:"why"`
	Chain   []string `json:"chain"` // import path of the main package ... import path of the file's package

	Rules []RuleNote `json:"rules,omitempty"` // paths of rules that match no file; the same for every service
}

// Why answers for every service without starting anything. The path is absolute. NewBuilder makes
// what builds a service, in its own cache: a session may be building in the project's.
func Why(ctx context.Context, o Options, services []config.Service, newBuilder func(config.Service) (Builder, error), path string) ([]Answer, error) {
	j := New(o)
	var list []*Subject
	for _, c := range services {
		b, err := newBuilder(c)
		if err != nil {
			return nil, err
		}
		s := NewSubject(NewSettings(c, b), nil, nil)
		if err := j.learn(ctx, s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no service")
	}
	j.subjects.Store(&list)
	w, err := watcher.New(j.watcherOptions(o.Config))
	if err != nil {
		return nil, err
	}
	ignored, is := w.Ignored(path)
	notes := j.ruleNotes(ctx, w)
	var out []Answer
	for _, s := range list {
		a := j.why(s, path)
		switch {
		case path == o.Config.Path:
			a.Effect, a.Why, a.Chain = "reconfigure", "the config file", []string{}
		case is:
			a.Effect, a.Why, a.Chain = plan.None.String(), ignored, []string{}
		}
		a.Rules = notes
		out = append(out, a)
	}
	return out, nil
}

// learn reads the graph of a service, and what its code opens, at once.
func (j *Judge) learn(ctx context.Context, s *Subject) error {
	set := s.conf.Load()
	if !set.GoBuilds() {
		return nil
	}
	g, err := gograph.Load(ctx, j.graphOptions(s))
	if err != nil {
		return err
	}
	s.graph.Store(g)
	s.loaded.Store(s.wanted.Load())
	if j.conf.Load().Watch.Discover {
		s.opens.Store(j.findOpens(openingOf{graph: g, dir: j.abs(set.Run.Dir)}))
	}
	return nil
}

// whyTexts is what to add for a file that templ generates: the running program decides about it.
func whyTexts(path string, env map[string]string) string {
	if !strings.HasSuffix(path, templSuffix) || env["TEMPL_DEV_MODE"] != "true" {
		return ""
	}
	return "; if only texts have changed, the page is reloaded instead"
}

// why is the answer for one service.
func (j *Judge) why(s *Subject, path string) Answer {
	ef := j.effect(s, path)
	a := Answer{Service: s.name, Effect: ef.Kind.String(), Why: ef.Why, Chain: []string{}} // Chain: never null in JSON
	if g := s.graph.Load(); ef.Input && g != nil {
		a.Chain = append(a.Chain, g.Verdict(path).Chain...)
	}
	if ef.Kind == plan.Rebuild && ef.Rule == plan.NoRule {
		a.Why += whyTexts(path, s.conf.Load().Run.Env)
	}
	return a
}
