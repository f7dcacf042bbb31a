package session

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
)

func noBuild(s *config.Service) { s.Run.Command, s.Build.Command = []string{"true"}, config.Command{} }

// applied is the effect and the kind of the last report that the config is applied.
func (w *world) applied() (effect string, kind event.Config) {
	for _, ev := range w.said() {
		if b, ok := ev.Body.(event.Changed); ok && b.Config != event.NoConfig {
			effect, kind = b.Effect, b.Config
		}
	}
	return effect, kind
}

// An edit does the least: what concerns a running program applies to it, other arguments restart
// it, other flags build it.
func TestEditLeastEffect(t *testing.T) {
	api := testService("api")
	run(t, false, []config.Service{api}, func(w *world) {
		p := w.live(w.begin())
		program := p.fakeProgram
		w.said()
		for _, c := range []struct {
			name   string
			change func(*config.Service)
			effect string
		}{
			{"nothing", func(*config.Service) {}, "none"},
			{"a rule", func(s *config.Service) {
				s.Rules = []config.Rule{{Paths: []string{"*.x"}, Effect: config.EffectRestart}}
			}, "none"},
			{"a timeout", func(s *config.Service) { s.Run.ReadyTimeout = time.Minute }, "none"},
			{"who builds", func(s *config.Service) {
				s.Build.Engine = map[config.Engine]config.Engine{config.EngineGo: config.EngineDirect, config.EngineDirect: config.EngineGo}[s.Build.Engine]
			}, "none"},
		} {
			c.change(&api)
			w.edit(nil, api)
			if effect, kind := w.applied(); effect != c.effect || kind != event.ConfigApplied {
				t.Errorf("%s: effect %q, kind %v", c.name, effect, kind)
			}
			none(w, w.builds, c.name+" builds")
			w.want(c.name+" stops the program", p.stops, "")
		}
		w.want("ready_timeout", program.conf.Run.ReadyTimeout, time.Minute)
		w.want("builders", len(w.builders), 2)
		w.want("rules", len(w.s.services[0].set.Rules), 1)
		w.want("files", w.files.called("rewatch", "newrules"), strings.Fields("rewatch newrules rewatch newrules rewatch newrules rewatch newrules"))

		api.Run.Args = []string{"-x"}
		w.edit(nil, api)
		effect, _ := w.applied()
		w.want("arguments", effect, "restart")
		w.want("arguments", p.stops, "stop")
		p.gone(event.Exited{})
		p = w.start()
		p.launched()
		p.step(plan.ReadyIs{Service: "api", Launch: p.l.Launch})
		w.said()
		api.Build.Tags = []string{"x"}
		w.edit(nil, api)
		effect, _ = w.applied()
		w.want("tags", effect, "rebuild")
		j := w.build()
		w.want("builder", j.Builder, Builder(w.builders[2]))
		w.want("options", w.builders[2].o.GoBuild.Tags, []string{"x"})
		j.Done(builder.Result{OK: true, Binary: "bin", Sum: [32]byte{1, 1}})
		w.quit(p)
	})
}

// An edit with a mistake changes nothing, whatever the mistake; the repair is reported as one.
func TestEditWithMistake(t *testing.T) {
	api := testService("api")
	var reported []string
	run(t, false, []config.Service{api}, func(w *world) {
		w.s.opt.Configured = func(_, _ *config.Config, names []string) { reported = names }
		p := w.live(w.begin())
		w.said()
		bad := api
		bad.Build.Package = "broken"
		w.edit(nil, bad)
		w.want("problem", w.problem(), "the config is not applied: broken: no such package")
		added := testService("new", func(s *config.Service) { s.Build.Package = "broken" })
		w.edit(nil, api, testService("first", func(s *config.Service) { s.Proxy.Listen = "localhost:1" }), added)
		w.want("problem", w.problem(), "the config is not applied: broken: no such package")
		w.want("what was made before the mistake is given back", w.pages[0].closed, true)
		moved := *w.conf
		moved.Root = t.TempDir()
		w.edit(&moved, api)
		if got := w.problem(); !strings.Contains(got, "the root would be") {
			t.Errorf("%q", got)
		}
		os.Remove(w.conf.Path)
		w.edit(nil, api)
		w.want("problem", w.problem(), "the config file was deleted; its settings are kept")
		w.want("services", len(w.s.services), 1)
		if err := os.WriteFile(w.conf.Path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w.loaded = func() (*config.Config, []config.Service, error) { return nil, nil, errors.New("line 3") }
		w.files.o.Edited()
		w.want("problem", w.problem(), "the config is not applied: line 3")
		w.want("reported", reported, []string(nil))
		w.edit(nil, api)
		_, kind := w.applied()
		w.want("kind", kind, event.ConfigFixed)
		w.want("reported", reported, []string{"api"})
		w.quit(p)
	})
}

// Services come and go with the config; the plan stops what leaves.
func TestServicesComeAndGo(t *testing.T) {
	api, web := testService("api"), testService("web")
	run(t, false, []config.Service{api}, func(w *world) {
		a := w.live(w.begin())
		w.edit(nil, web, api)
		w.want("files", w.files.called("apply"), []string{"apply web,api"})
		b := w.live(w.build())
		w.edit(nil, web)
		w.want("stop", a.stops, "stop")
		w.want("files", w.files.called("apply"), []string{"apply web,api"})
		if _, err := w.s.Wait(w.t.Context(), "api"); !errors.Is(err, control.ErrNoService) {
			t.Errorf("what leaves is waited for: %v", err)
		}
		a.gone(event.Exited{})
		w.want("files", w.files.called("apply"), []string{"apply web"})
		w.want("services", len(w.s.services), 1)
		st, err := w.s.Status(w.t.Context())
		if err != nil || len(st.Services) != 1 || st.Services[0].Service != "web" {
			t.Errorf("%+v, %v", st.Services, err)
		}
		w.quit(b)
	})
}

// A service whose proxy moves leaves and comes back; its pages move with it. Wait waits for that.
func TestAddressMoves(t *testing.T) {
	at := func(listen string) config.Service {
		return testService("api", func(s *config.Service) { s.Proxy.Listen = listen })
	}
	first, second := port(t), port(t)
	run(t, false, []config.Service{at(first)}, func(w *world) {
		p := w.live(w.begin())
		if n, err := w.s.Reload(w.t.Context(), ""); err != nil || n != 2 {
			t.Errorf("reload: %d, %v", n, err)
		}
		w.want("urls", w.s.URLs(w.t.Context()), []string{"http://" + first})
		if !w.pages[0].ran || w.pages[0].events == 0 {
			t.Error("the page does not work")
		}
		w.said()
		w.edit(nil, at(second))
		answers := make(chan control.Outcome, 1)
		go func() {
			o, _ := w.s.Wait(w.t.Context(), "")
			answers <- o
		}()
		none(w, answers, "an answer")
		w.want("stop", p.stops, "stop")
		p.gone(event.Exited{})
		var urls []string
		for _, ev := range w.said() {
			if b, ok := ev.Body.(event.Proxy); ok {
				urls = append(urls, b.URL)
			}
		}
		w.want("reported", urls, []string{"http://" + second})
		p = w.live(w.build())
		w.want("outcome", next(w, answers, "answer").OK, true)
		st, err := w.s.Status(w.t.Context())
		w.want("status", []any{st.Services[0].ProxyURL, err}, []any{"http://" + second, nil})
		w.edit(nil, testService("api"))
		p.gone(event.Exited{})
		p = w.live(w.build())
		if _, err := w.s.Reload(w.t.Context(), "api"); !errors.Is(err, control.ErrNoProxy) {
			t.Errorf("%v", err)
		}
		w.quit(p)
	})
}

// An address that another program has is a mistake of the edit; one that cannot be had in the end
// is a problem of the service alone.
func TestAddressTaken(t *testing.T) {
	free := port(t)
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	run(t, false, []config.Service{testService("api"), testService("old", noBuild)}, func(w *world) {
		w.begin().succeed()
		p := []*fakeProcess{w.start(), w.start()}
		for _, p := range p {
			p.launched()
			p.step(plan.ReadyIs{Service: p.name, Launch: p.l.Launch})
		}
		if p[0].name == "old" {
			p[0], p[1] = p[1], p[0]
		}
		w.said()
		w.edit(nil, testService("api"), testService("new", func(s *config.Service) { s.Proxy.Listen = stranger.Addr().String() }))
		if got := w.problem(); !strings.Contains(got, "the config is not applied") {
			t.Errorf("%q", got)
		}
		w.want("stops", p[1].stops, "")
		broken := testService("new", func(s *config.Service) { s.Proxy.Listen, s.Build.Package = free, "broken" })
		w.edit(nil, testService("api"), broken)
		w.want("stops", p[1].stops, "stop")
		w.said()
		p[1].gone(event.Exited{})
		w.want("problem", w.problem(), "cannot start new: broken: no such package")
		w.want("services", len(w.s.services), 1)
		if _, err := w.s.Wait(w.t.Context(), ""); err != nil {
			t.Error(err)
		}
		w.quit(p[0])
	})
}

// With start-first, what is beside the program learns which process answers; the end of a proxy is
// a problem.
func TestCompanions(t *testing.T) {
	api := testService("api", func(s *config.Service) {
		s.Proxy.Listen, s.Run.Order = "full", config.StartFirst
	})
	run(t, false, []config.Service{api}, func(w *world) {
		old := w.live(w.begin())
		found := false
		for _, ev := range w.said() {
			p, ok := ev.Body.(event.Problem)
			found = found || ok && p.Message == "the proxy has stopped: too many files"
		}
		w.want("problem", found, true)
		w.save("api")
		p := w.live(w.build())
		w.want("promoted", w.pages[0].promoted, []int{p.pid})
		w.want("stop", old.stops, "stop")
		old.gone(event.Exited{})
		w.quit(p)
	})
}

// A session that cannot be made gives back what it had taken.
func TestNewFails(t *testing.T) {
	w := &world{t: t}
	c := config.Default()
	c.Root = t.TempDir()
	o := Options{Config: c, Services: []config.Service{
		testService("web", func(s *config.Service) { s.Proxy.Listen = "localhost:1" }),
		testService("api", func(s *config.Service) { s.Build.Package = "broken" }),
	}, Tools: Tools{Builder: w.builder, Companions: w.companions}}
	if _, err := New(o); err == nil || !w.pages[0].closed {
		t.Errorf("%v; closed: %v", err, w.pages[0].closed)
	}
	o.Services = o.Services[:1]
	c.Watch.Exclude = []string{"["}
	if _, err := New(o); err == nil || !w.pages[1].closed {
		t.Errorf("%v", err)
	}
}
