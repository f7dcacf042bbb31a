package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
)

// configPath is the file whose edits apply: that of the session, or the one that
// would be it if somebody wrote it.
func (e *Engine) configPath() string {
	if p := e.conf.Load().Path; p != "" {
		return p
	}
	return filepath.Join(e.root, config.FileName)
}

// emptyPatience is how long a config may be empty before that is taken for an edit.
const emptyPatience = time.Second

// reload reads the config after an edit and applies what differs, with the least
// effect. A config with a mistake changes nothing: the old one stays in force.
//
// An empty file is most likely one that is just being written: many editors truncate, then
// write, and on a busy machine time passes between the two. Only one that stays empty is
// meant.
func (e *Engine) reload(meant bool) {
	path := e.configPath()
	fi, err := os.Stat(path)
	if err == nil && fi.Size() == 0 && !meant {
		time.AfterFunc(emptyPatience, func() {
			select {
			case e.inspect.again <- struct{}{}:
			case <-e.over:
			}
		})
		return
	}
	if errors.Is(err, fs.ErrNotExist) {
		e.broken = true
		e.say(event.Problem{
			Message: "the config file is gone; its settings stay in force",
			Hint:    "put it back, or quit and run again without one",
		})
		return
	}
	c, list, err := e.opt.Load()
	if err == nil && c.Root != e.root {
		err = advice.With(fmt.Errorf("the root would be %s now", c.Root), "quit and run again")
	}
	old := e.conf.Load()
	var re plan.Reconfigured
	var effect plan.Kind
	if err == nil {
		re, effect, err = e.apply(c, list)
	}
	if err != nil {
		e.broken = true
		e.say(configProblem(err))
		return
	}
	if !reflect.DeepEqual(old.Watch, c.Watch) && e.watch() != nil {
		e.rewatch(c)
	} else if e.watch() != nil {
		e.watch().SetScope(e.scope()) // env files may be others
	}
	for _, v := range e.all() {
		e.spawn(func() { e.notify.graph(v) }) // what the program opens may lie elsewhere now
	}
	if e.opt.Configured != nil {
		e.opt.Configured(old, c, namesOf(list))
	}
	b := event.Changed{Paths: []string{path}, Effect: effect.String(), Why: "the config is applied", Config: event.ConfigApplied}
	if e.broken {
		e.broken, b.Config = false, event.ConfigFixed
	}
	e.say(b)
	e.reconfigure(re)
	if reflect.DeepEqual(rulesOf(old), rulesOf(c)) {
		return
	}
	e.learnSettings() // they may name others; no change is judged before
	if e.watch() != nil {
		e.spawn(e.sayRules)
	}
}

// rulesOf are all the rules of a config.
func rulesOf(c *config.Config) (out []config.Rule) {
	for _, s := range c.ForServices() {
		out = append(out, s.Rules...)
	}
	return out
}

// apply puts the services of a config into force, and says what the strongest effect of
// that is. With an error, nothing is changed.
func (e *Engine) apply(c *config.Config, list []config.Service) (re plan.Reconfigured, effect plan.Kind, err error) {
	e.rosterMu.Lock()
	defer e.rosterMu.Unlock()
	re = plan.Reconfigured{Rebuild: map[string]bool{}, Restart: map[string]bool{}}
	type change struct {
		v   *service
		set *settings
	}
	var changes []change
	var added []*service
	returning := map[string]config.Service{}
	defer func() {
		if err != nil {
			for _, v := range added {
				v.release()
			}
		}
	}()
	stays := map[string]bool{}
	for _, s := range list {
		if v := e.service(s.Name); v != nil && !v.leaving.Load() && sameAddresses(v.conf.Load().Service, s) {
			stays[s.Name] = true
		}
	}
	leaves := len(stays) < len(e.all())
	if leaves {
		effect = plan.Restart
	}
	for _, s := range list {
		v := e.service(s.Name)
		if !stays[s.Name] {
			effect = plan.Rebuild
			// Addresses are free, for itself or for another one, when all that leave are gone.
			if v != nil || leaves && (s.Proxy.Listen != "" || len(s.Run.Listen) > 0) {
				returning[s.Name] = s
				continue
			}
			if v, err = newService(e, s); err != nil {
				return re, effect, err
			}
			added = append(added, v)
			continue
		}
		was := v.conf.Load()
		// Who builds makes no difference to the program.
		old := was.Build
		engine := old.Engine != s.Build.Engine
		old.Engine = s.Build.Engine
		build := !reflect.DeepEqual(old, s.Build)
		run := !reflect.DeepEqual(e.processOf(was.Run), e.processOf(s.Run))
		if !engine && !build && !run && reflect.DeepEqual(was.Rules, s.Rules) && reflect.DeepEqual(was.Needs, s.Needs) && reflect.DeepEqual(was.Hooks, s.Hooks) && reflect.DeepEqual(was.Run, s.Run) {
			continue
		}
		set := &settings{Service: s, builder: was.builder}
		set.rules = compileRules(e.root, s.Rules)
		if build || engine {
			if set, err = v.settings(s, v.cache()); err != nil {
				return re, effect, err
			}
		}
		re.Rebuild[s.Name] = build
		re.Restart[s.Name] = run
		switch {
		case build:
			effect = plan.Rebuild
		case run:
			effect = max(effect, plan.Restart)
		}
		changes = append(changes, change{v, set})
	}
	var leaving []*service
	for _, v := range e.all() {
		if !stays[v.name] {
			leaving = append(leaving, v)
		}
	}
	if err = e.reserve(slices.Collect(maps.Values(returning)), leaving); err != nil {
		return re, effect, err
	}
	e.conf.Store(c)
	e.order = namesOf(list)
	e.setReturning(returning)
	for _, ch := range changes {
		ch.v.conf.Store(ch.set)
		ch.v.program.Configure(ch.set.Service)
		if re.Rebuild[ch.v.name] {
			ch.v.wanted.Add(1)
		}
	}
	for _, v := range leaving {
		v.leaving.Store(true)
	}
	e.enlist(added)
	return re, effect, nil
}

// sameAddresses reports whether a service can go on with the sockets and the proxy that
// it has.
func sameAddresses(a, b config.Service) bool {
	return reflect.DeepEqual(a.Proxy, b.Proxy) && reflect.DeepEqual(a.Run.Listen, b.Run.Listen)
}

// processOf is what a process is started with, and its end: the rest of the settings
// apply to a running one as well.
func (e *Engine) processOf(r config.Run) config.Run {
	if e.opt.Args != nil { // which come before those of the config
		r.Args = nil
	}
	r.Order, r.Restart, r.OnBuildError, r.Rollback = "", "", "", false
	r.Ready, r.ReadyTimeout = config.Ready{}, 0
	return r
}

func configProblem(err error) event.Problem {
	p := event.Problem{
		Message: "the config is not applied: " + err.Error(),
		Hint:    "the settings before stay in force until it is fixed",
	}
	var detailed interface{ Detail() string }
	if errors.As(err, &detailed) {
		p.Message = "the config is not applied"
		p.Detail = detailed.Detail()
	} else if hint := advice.Hint(err); hint != "" {
		p.Hint = hint + "; " + p.Hint
	}
	return p
}

// reserve takes the addresses of services that come when others have left. rosterMu is held.
func (e *Engine) reserve(coming []config.Service, leaving []*service) error {
	var own []string
	for _, v := range leaving {
		own = append(own, launch.PlacesOf(e.root, v.conf.Load().Service)...)
		v.each(func(l *launch.Process) { own = append(own, l.Listeners()...) })
	}
	return e.reserved.Reserve(e.root, coming, own)
}
