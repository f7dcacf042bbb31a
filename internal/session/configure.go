package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/launch"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/relevance"
)

// configurator owns which services the config asks for: it makes them, changes their settings
// after an edit, and brings back those that had to wait for an address. It has a goroutine of its
// own, because all of that takes time: go is asked for its flags, addresses are opened.
type configurator struct {
	s *Session // for its queue and its tools; no state of the loop is touched

	conf      *config.Config
	services  []*member                 // those of the config in its order, then those that leave
	order     []string                  // of the services in the config
	returning map[string]config.Service // that come when all that leave are gone
	reserved  launch.Reserved           // what these will listen on, as far as it is free already
	urls      map[string]string         // of the proxies, as they were reported last
	broken    bool                      // the config was saved with a mistake
	jobs      chan configJob
}

// member is a service, with what the configurator has decided about it.
type member struct {
	*service
	set     *settings
	leaving bool
}

// configJob is an edit of the config, or a service that has left.
type configJob struct {
	left *service // nil: an edit
	done chan struct{}
}

func newConfigurator(s *Session) *configurator {
	return &configurator{
		s: s, conf: s.opt.Config, urls: map[string]string{}, jobs: make(chan configJob),
	}
}

// begin makes the first services.
func (c *configurator) begin(list []config.Service) ([]*service, error) {
	c.order = namesOf(list)
	for _, conf := range list {
		m, err := c.newMember(conf)
		if err != nil {
			c.release()
			return nil, err
		}
		c.services = append(c.services, m)
		c.urls[m.name] = m.companions.URL() // the start of the session reports them
	}
	return c.list(), nil
}

// release gives back what all services hold. Nothing serves them.
func (c *configurator) release() {
	for _, m := range c.services {
		m.companions.Close()
		m.sockets.Close()
	}
}

// end gives back everything at the end of the session.
func (c *configurator) end() {
	for _, m := range c.services {
		m.sockets.Close()
	}
	c.reserved.Drop()
}

// list is what the loop takes.
func (c *configurator) list() []*service {
	out := make([]*service, len(c.services))
	for i, m := range c.services {
		out[i] = m.service
	}
	return out
}

func (c *configurator) find(name string) *member {
	for _, m := range c.services {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (c *configurator) leaves() (out []*member) {
	for _, m := range c.services {
		if m.leaving {
			out = append(out, m)
		}
	}
	return out
}

// run does one job after the other.
func (c *configurator) run() {
	for {
		select {
		case job := <-c.jobs:
			if job.left == nil {
				c.edit()
			} else {
				c.remove(job.left)
			}
			close(job.done)
		case <-c.s.ctx.Done():
			return
		}
	}
}

// edited applies an edit of the config, and returns when it is in force.
func (c *configurator) edited() { c.do(configJob{}) }

// left takes note that nothing is left of a service.
func (c *configurator) left(svc *service) { c.do(configJob{left: svc}) }

func (c *configurator) do(job configJob) {
	job.done = make(chan struct{})
	select {
	case c.jobs <- job:
		<-job.done
	case <-c.s.ctx.Done():
	}
}

// newMember makes a service.
func (c *configurator) newMember(conf config.Service) (*member, error) {
	s := c.s
	svc := &service{name: conf.Name, processes: map[int]Process{}}
	svc.subject = relevance.NewSubject(relevance.NewSettings(conf, nil), func() bool { return svc.program.RunsWithThis() },
		func(name string) string { return svc.program.Given(name) })
	set, err := c.settings(svc, conf)
	if err != nil {
		return nil, err
	}
	svc.set = set
	svc.subject.Configure(set.Settings, false)
	if !s.opt.Once {
		if svc.companions, err = s.opt.Tools.Companions(CompanionOptions{
			conf: conf, dir: s.root, reserved: &c.reserved, page: s.opt.Page, editor: s.opt.Editor,
			output: func(gen int, since time.Time) []byte { return s.host.Logs.Of(conf.Name, gen, since) },
			roots:  func() []string { return s.files.Trees(svc.subject) },
			notice: func(p event.Problem) {
				s.post(said{event.Event{Time: time.Now(), Service: conf.Name, Body: p}, true})
			},
			requests: s.opt.Requests,
			requested: func(r event.Request) {
				s.post(said{event.Event{Time: time.Now(), Service: conf.Name, Body: r}, true})
			},
			console: func(gen int, b event.Console) {
				s.post(said{event.Event{Time: time.Now(), Service: conf.Name, Generation: gen, Body: b}, true})
			},
		}); err != nil {
			return nil, err
		}
	}
	if svc.sockets, err = launch.Listen(s.root, conf.Run.Listen, &c.reserved); err != nil {
		svc.companions.Close()
		return nil, err
	}
	svc.program = s.opt.Tools.Program(s.host, conf, filepath.Join(c.cache(conf.Name), "state"), svc.sockets, svc.companions)
	return &member{service: svc, set: set}, nil
}

// cache is the private directory of a service.
func (c *configurator) cache(name string) string {
	return filepath.Join(c.s.opt.Cache, cacheName(name))
}

// settings makes the config usable.
func (c *configurator) settings(svc *service, conf config.Service) (*settings, error) {
	s := c.s
	o := BuildOptions(s.root, s.opt.Env, c.cache(conf.Name), conf)
	o.Hooks = builder.Hooks{
		Compiling: func(gen int) {
			now := time.Now()
			s.files.Compiling(svc.subject, now)
			s.post(input{plan.Compiling{Service: svc.name, Generation: gen, At: now}})
		},
		Inputs:   func() []string { return s.files.Inputs(svc.subject) },
		Wait:     s.files.BurstEnd,
		Stopping: func(command string) { s.post(slow{svc, "`" + command + "` to stop"}) },
		Kill:     s.hurry,
	}
	b, err := s.opt.Tools.Builder(o)
	if err != nil {
		return nil, err
	}
	return &settings{relevance.NewSettings(conf, b), b}, nil
}

// BuildOptions are those of the builder of a service, without what concerns a session.
func BuildOptions(root string, env []string, cache string, c config.Service) builder.Options {
	b := c.Build
	o := builder.Options{
		Dir:     root,
		Package: b.Package,
		Command: builder.Step{Argv: b.Command.Argv, Shell: b.Command.Shell},
		Output:  b.Output,

		StepsOnly: !c.Builds(),
		GoBuild: builder.GoBuild{
			Flags: b.Flags, Tags: b.Tags, Race: b.Race, DWARF: b.DWARF, Linker: string(b.Linker), Engine: string(b.Engine),
		},
		Env:     buildEnv(env, b.Env),
		Cache:   cache,
		Timeout: b.Timeout,
		Name:    c.Name,
	}
	for _, before := range b.Before {
		o.Before = append(o.Before, builder.Step{Argv: before.Argv, Shell: before.Shell})
	}
	return o
}

// serve lets the companions of a program work, until the session or the service ends.
func (c *configurator) serve(svc *service) {
	s := c.s
	var ctx context.Context
	ctx, svc.stop = context.WithCancel(s.ctx)
	for _, companion := range svc.companions {
		done := make(chan struct{})
		svc.served = append(svc.served, done)
		s.spawn(func() {
			defer close(done)
			if err := companion.Run(ctx); err != nil {
				p := event.Problem{Message: "the proxy has stopped: " + err.Error(), Hint: "restart hotreload"}
				s.post(said{event.Event{Time: time.Now(), Service: svc.name, Body: p}, true})
			}
		})
	}
}

// edit reads the config and applies what differs, with the least
// effect. A config with a mistake changes nothing: the old one stays in force.
func (c *configurator) edit() {
	s, path := c.s, relevance.ConfigPath(c.conf)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		c.broken = true
		s.say(event.Problem{
			Message: "the config file was deleted; its settings are kept",
			Hint:    "put it back, or quit and run again without one",
		})
		return
	}
	conf, list, err := s.opt.Load()
	if err == nil && conf.Root != s.root {
		err = advice.With(fmt.Errorf("the root would be %s now", conf.Root), "quit and run again")
	}
	var e *edit
	if err == nil {
		e, err = c.prepare(conf, list)
	}
	if err != nil {
		c.broken = true
		s.say(relevance.ConfigProblem(err))
		return
	}
	before := c.conf
	c.apply(e)
	s.files.Rewatch(before)
	if s.opt.Configured != nil {
		s.opt.Configured(before, conf, namesOf(list))
	}
	b := event.Changed{Paths: []string{path}, Effect: e.effect.String(), Why: "the config is applied", Config: event.ConfigApplied}
	if c.broken {
		c.broken, b.Config = false, event.ConfigFixed
	}
	s.say(b)
	s.post(reconfigured{e.plan})
	s.files.NewRules(before)
}

// edit is what follows from an edit of the config.
type edit struct {
	conf      *config.Config
	order     []string
	changed   map[*member]*settings
	added     []*member
	returning map[string]config.Service
	leaving   []*member
	effect    plan.Kind // the strongest
	plan      plan.Reconfigured
}

// prepare makes what a config needs. With an error, nothing is changed.
func (c *configurator) prepare(conf *config.Config, list []config.Service) (e *edit, err error) {
	e = &edit{
		conf: conf, order: namesOf(list), changed: map[*member]*settings{}, returning: map[string]config.Service{},
		plan: plan.Reconfigured{Rebuild: map[string]bool{}, Restart: map[string]bool{}},
	}
	defer func() {
		if err != nil {
			for _, m := range e.added {
				m.companions.Close()
				m.sockets.Close()
			}
		}
	}()
	stays := map[*member]bool{}
	for _, s := range list {
		if m := c.find(s.Name); m != nil && !m.leaving && sameAddresses(m.set.Service, s) {
			stays[m] = true
		}
	}
	for _, m := range c.services {
		if !stays[m] {
			e.leaving = append(e.leaving, m)
			e.effect = plan.Restart
		}
	}
	for _, s := range list {
		m := c.find(s.Name)
		switch {
		case stays[m]:
			err = c.change(e, m, s)
		// Addresses are free, for itself or for another one, when all that leave are gone.
		case m != nil || len(e.leaving) > 0 && (s.Proxy.Listen != "" || len(s.Run.Listen) > 0):
			e.effect = plan.Rebuild
			e.returning[s.Name] = s
		default:
			e.effect = plan.Rebuild
			if m, err = c.newMember(s); err == nil {
				e.added = append(e.added, m)
			}
		}
		if err != nil {
			return e, err
		}
	}
	return e, c.reserve(e)
}

// change compares a service that stays with what the config says now.
func (c *configurator) change(e *edit, m *member, s config.Service) error {
	was := m.set
	// Who builds makes no difference to the program.
	old := was.Build
	engine := old.Engine != s.Build.Engine
	old.Engine = s.Build.Engine
	build := !reflect.DeepEqual(old, s.Build)
	run := !reflect.DeepEqual(c.processOf(was.Run), c.processOf(s.Run))
	if !engine && !build && !run && reflect.DeepEqual(was.Service.Rules, s.Rules) && reflect.DeepEqual(was.Needs, s.Needs) && reflect.DeepEqual(was.Hooks, s.Hooks) && reflect.DeepEqual(was.Run, s.Run) {
		return nil
	}
	set := &settings{relevance.NewSettings(s, was.builder), was.builder}
	if build || engine {
		var err error
		if set, err = c.settings(m.service, s); err != nil {
			return err
		}
	}
	e.changed[m] = set
	e.plan.Rebuild[s.Name] = build
	e.plan.Restart[s.Name] = run
	switch {
	case build:
		e.effect = plan.Rebuild
	case run:
		e.effect = max(e.effect, plan.Restart)
	}
	return nil
}

// reserve takes the addresses of services that come when others have left.
func (c *configurator) reserve(e *edit) error {
	var own []string
	for _, m := range e.leaving {
		own = append(own, launch.PlacesOf(c.s.root, m.set.Service)...)
		var running []Process
		if err := c.s.ask(c.s.ctx, func() bool {
			running = slices.Collect(maps.Values(m.processes))
			return true
		}); err != nil {
			return err
		}
		for _, p := range running {
			own = append(own, p.Listeners()...)
		}
	}
	return c.reserved.Reserve(c.s.root, slices.Collect(maps.Values(e.returning)), own)
}

// apply puts an edit into force.
func (c *configurator) apply(e *edit) {
	c.conf, c.order, c.returning = e.conf, e.order, e.returning
	m := configured{settings: map[*service]*settings{}}
	for changed, set := range e.changed {
		changed.set = set
		m.settings[changed.service] = set
		changed.program.Configure(set.Service)
		changed.subject.Configure(set.Settings, e.plan.Rebuild[changed.name])
	}
	for _, l := range e.leaving {
		l.leaving = true
		m.leaving = append(m.leaving, l.service)
	}
	c.enlist(m, e.added)
}

// enlist adds services, in the order of the config, and hands the list to the loop.
func (c *configurator) enlist(m configured, added []*member) {
	c.services = append(c.services, added...)
	place := func(m *member) int {
		if i := slices.Index(c.order, m.name); i >= 0 && !m.leaving {
			return i
		}
		return len(c.order) // those that leave come last
	}
	slices.SortStableFunc(c.services, func(a, b *member) int { return place(a) - place(b) })
	for _, a := range added {
		c.serve(a.service)
	}
	c.publish(m)
	for _, a := range added {
		c.reportProxy(a)
	}
}

// publish hands the services to the files and to the loop, and waits until both have them.
func (c *configurator) publish(m configured) {
	m.conf, m.services, m.coming, m.taken = c.conf, c.list(), len(c.returning) > 0, make(chan struct{})
	c.s.files.Apply(m.conf, subjectsOf(m.services))
	c.s.post(m)
	select {
	case <-m.taken:
	case <-c.s.over:
	}
}

// reportProxy reports where the proxy of the service listens, if it listened elsewhere, or there was
// none.
func (c *configurator) reportProxy(m *member) {
	url := m.companions.URL()
	if c.urls[m.name] == url {
		return
	}
	c.urls[m.name] = url
	c.s.post(said{event: event.Event{Time: time.Now(), Service: m.name, Body: event.Proxy{URL: url}}})
}

// remove takes a service off the list that has left, and brings back those that waited for that.
func (c *configurator) remove(svc *service) {
	c.services = slices.DeleteFunc(c.services, func(m *member) bool { return m.service == svc })
	if _, returns := c.returning[svc.name]; !returns {
		delete(c.urls, svc.name)
	}
	var added []*member
	if len(c.leaves()) == 0 {
		added = c.comeBack()
	}
	c.enlist(configured{}, added)
	// Also if nothing came back: who waits has to ask again.
	c.s.post(reconfigured{})
}

// comeBack makes the services that had to wait until those that left had given their
// addresses back.
func (c *configurator) comeBack() (added []*member) {
	for _, name := range c.order {
		conf, ok := c.returning[name]
		if !ok || c.s.ctx.Err() != nil {
			continue
		}
		m, err := c.newMember(conf)
		if err != nil {
			c.s.post(said{event: event.Event{Time: time.Now(), Service: name, Body: *launch.Problem("cannot start "+name, err)}})
			continue
		}
		added = append(added, m)
	}
	c.reserved.Drop()
	c.returning = nil
	return added
}

// sameAddresses reports whether a service can go on with the sockets and the proxy that
// it has.
func sameAddresses(a, b config.Service) bool {
	return reflect.DeepEqual(a.Proxy, b.Proxy) && reflect.DeepEqual(a.Run.Listen, b.Run.Listen)
}

// processOf is what a process is started with, and its end: the rest of the settings
// apply to a running one as well.
func (c *configurator) processOf(r config.Run) config.Run {
	if c.s.opt.Args != nil { // which come before those of the config
		r.Args = nil
	}
	r.Order, r.Restart, r.OnBuildError, r.Rollback = "", "", "", false
	r.Ready, r.ReadyTimeout = config.Ready{}, 0
	return r
}

// namesOf are the names of services of a config.
func namesOf(list []config.Service) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
