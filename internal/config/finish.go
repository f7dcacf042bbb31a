package config

import (
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"
)

func (c *Config) layer(name string) *layer {
	for _, l := range c.layers {
		if l.name == name {
			return l
		}
	}
	return nil
}

// base is a service that overrides nothing.
func (c *Config) base(name string) Service {
	s := Service{Name: name, set: map[string]bool{}}
	from, to := reflect.ValueOf(c).Elem(), reflect.ValueOf(&s).Elem()
	for _, f := range theSchema().fields {
		if inheritable(f.key) && f.key != "needs" {
			f.in(to).Set(clone(f.in(from)))
		}
	}
	for key := range c.set {
		s.set[key] = true
	}
	return s
}

// resolve is a service with what it overrides.
func (c *Config) resolve(l *layer) Service {
	s := c.base(l.name)
	to := reflect.ValueOf(&s).Elem()
	for _, key := range l.order {
		own := clone(l.values[key])
		field := theSchema().fields[key].in(to)
		if env, ok := own.Interface().(map[string]string); ok {
			merged := maps.Clone(field.Interface().(map[string]string))
			if merged == nil && len(env) > 0 {
				merged = map[string]string{}
			}
			maps.Copy(merged, env)
			own = reflect.ValueOf(merged)
		}
		field.Set(own)
		s.set[key] = true
	}
	return s
}

// clone copies a value, so that services never share memory that a caller might change.
func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(clone(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), it.Value())
		}
		return out
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Ready]() {
			return v // nothing in it is ever changed
		}
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			out.Field(i).Set(clone(v.Field(i)))
		}
		return out
	}
	return v
}

// Finish resolves Services and checks what no single key shows: needs, addresses used
// twice, times and orders that contradict each other. Parse does it; call it again after
// Set or after changing fields.
func (c *Config) Finish() error {
	c.Services = nil
	for _, l := range c.layers {
		c.Services = append(c.Services, c.resolve(l))
	}
	var errs Errors
	errs = append(errs, c.checkWatch()...)
	for _, s := range c.ForServices() {
		errs = append(errs, c.checkService(s)...)
	}
	errs = append(errs, c.checkNeeds()...)
	errs = append(errs, c.checkAddresses()...)
	errs = append(errs, c.checkStdin()...)
	if len(errs) > 0 {
		return errs.sorted()
	}
	return nil
}

// where is the place that decides a key of a service (name "" for the top): its own
// setting, else the inherited one, else the file as a whole.
func (c *Config) where(service, key string) place {
	if l := c.layer(service); l != nil {
		if at, ok := l.set[key]; ok {
			return at
		}
		if _, ok := c.set[key]; !ok {
			return l.at
		}
	}
	if at, ok := c.set[key]; ok {
		return at
	}
	return place{path: c.Path}
}

// latest is the place of the first key that was set, in the order given.
func (c *Config) latest(service string, keys ...string) place {
	for _, key := range keys {
		if l := c.layer(service); l != nil {
			if at, ok := l.set[key]; ok {
				return at
			}
		}
		if at, ok := c.set[key]; ok {
			return at
		}
	}
	return c.where(service, keys[0])
}

func scopeOf(service string) string {
	if service == "" {
		return ""
	}
	return "services." + service
}

func (c *Config) checkWatch() (errs Errors) {
	if w := c.Watch; w.MaxWait < w.Debounce {
		errs = append(errs, c.latest("", "watch.max_wait", "watch.debounce").errorf(
			"a burst ends after debounce without a change, or after max_wait at the latest",
			"watch.max_wait: %s is shorter than watch.debounce, %s", w.MaxWait, w.Debounce))
	}
	return errs
}

func (c *Config) checkService(s Service) (errs Errors) {
	scope := scopeOf(s.Name)
	fail := func(at place, hint, format string, args ...any) {
		errs = append(errs, at.errorf(hint, format, args...))
	}
	r := s.Run
	if after := r.Ready.After; after > 0 && r.ReadyTimeout > 0 && after >= r.ReadyTimeout {
		fail(c.latest(s.Name, "run.ready", "run.ready_timeout"), "raise run.ready_timeout, or wait for something: \"tcp:ADDR\"",
			"%s: the program is ready after %s, but counts as failed after %s (run.ready_timeout)", join(scope, "run.ready"), after, r.ReadyTimeout)
	}
	if r.Order == StartFirst {
		switch {
		case r.Rollback:
			fail(c.latest(s.Name, "run.rollback"), "start-first keeps the old program until the new one is ready, so there is nothing to roll back",
				"%s: works only with order = \"stop-first\"", join(scope, "run.rollback"))
		case r.Stdin == StdinInteractive:
			fail(c.latest(s.Name, "run.order", "run.stdin"), "use order = \"stop-first\", or another run.stdin",
				"%s: start-first runs two programs at once, and the terminal belongs to one (run.stdin)", join(scope, "run.order"))
		case len(r.Listen) == 0 && s.Proxy.Listen != "" && s.Proxy.App != AutoApp:
			fail(c.latest(s.Name, "run.order"), "proxy.app = \"auto\" gives each start its own port",
				"%s: start-first runs two programs at once, which cannot both listen on %s (proxy.app)", join(scope, "run.order"), s.Proxy.App)
		}
	}
	if _, secure := s.Proxy.Address(); secure && (s.Proxy.Cert == "" || s.Proxy.Key == "") {
		fail(c.latest(s.Name, "proxy.listen", "proxy.cert", "proxy.key"), `mkcert localhost 127.0.0.1 ::1 makes both files`,
			"%s: an https address needs proxy.cert and proxy.key", join(scope, "proxy.listen"))
	}
	seen := map[string]bool{}
	for _, socket := range r.Listen {
		if key := socketKey(socket); key != "" && seen[key] {
			fail(c.latest(s.Name, "run.listen"), "", "%s: %s is listed twice", join(scope, "run.listen"), socket.Address)
		} else {
			seen[key] = true
		}
	}
	return errs
}

// socketKey is equal for addresses that cannot be used twice; "" for one that can
// (port 0: any free one).
func socketKey(s Socket) string {
	if s.Network == "tcp" {
		return tcpKey(s.Address)
	}
	return "unix " + s.Address
}

func tcpKey(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	port = strings.TrimLeft(port, "0")
	if port == "" {
		return ""
	}
	switch host {
	case "localhost":
		host = "127.0.0.1"
	case "0.0.0.0", "::":
		host = "" // ":8080" is every interface of both families in Go
	}
	return "tcp " + net.JoinHostPort(host, port)
}

// checkAddresses finds two that want to listen on one address.
func (c *Config) checkAddresses() (errs Errors) {
	used := addresses{map[string]listener{}, map[string]listener{}, map[string]listener{}}
	for _, l := range c.listeners() {
		first, same, taken := used.take(l)
		if !taken {
			continue
		}
		switch {
		case first.service != l.service || first.key != l.key:
			hint := "give each its own address"
			if first.key == l.key && first.at == l.at {
				hint = fmt.Sprintf("services inherit it: set %s in each service, or only in the one that needs it", l.key)
			}
			errs = append(errs, l.at.errorf(hint, "%s: %s is taken by %s", l.name(), l.address, first.name()))
		case !same: // checkService reports the same address twice in one list
			errs = append(errs, l.at.errorf("an address without a host means all interfaces: remove the other",
				"%s: %s overlaps another address there", l.name(), l.address))
		}
	}
	return errs
}

// listener is an address that a key of the config names for listening.
type listener struct {
	service, key string
	at           place
	address      string
	id           string // equal for equal addresses
}

func (l listener) name() string { return join(scopeOf(l.service), l.key) }

// listeners are all addresses that can be taken, in the order in which they get them.
func (c *Config) listeners() []listener {
	var all []listener
	add := func(service, key, address, id string) {
		if id != "" {
			all = append(all, listener{service, key, c.where(service, key), address, id})
		}
	}
	add("", "control.listen", c.Control.Listen, tcpKey(c.Control.Listen))
	for _, s := range c.ForServices() {
		at, _ := s.Proxy.Address()
		add(s.Name, "proxy.listen", at, tcpKey(at))
		for _, socket := range s.Run.Listen {
			add(s.Name, "run.listen", socket.Address, socketKey(socket))
		}
		// The program itself listens there: not twice, and not where the proxy does.
		if a := s.Proxy.AppAddress(); s.Proxy.Listen != "" && a != AutoApp && len(s.Run.Listen) == 0 {
			add(s.Name, "proxy.app", a, tcpKey(a))
		}
	}
	return all
}

// addresses are those that are taken. An address of all interfaces and one of a single
// interface exclude each other, so ports are known for both.
type addresses struct {
	byID, ofAll, ofOne map[string]listener
}

// take gives l its address. If that is taken, it returns the first listener there, and
// whether it has exactly the same address.
func (a addresses) take(l listener) (first listener, same, taken bool) {
	if first, taken = a.byID[l.id]; taken {
		return first, true, true
	}
	if hostPort, tcp := strings.CutPrefix(l.id, "tcp "); tcp {
		host, port, _ := net.SplitHostPort(hostPort)
		if first, taken = a.ofAll[port]; taken {
			return first, false, true
		}
		if host != "" {
			a.ofOne[port] = l
		} else if first, taken = a.ofOne[port]; taken {
			return first, false, true
		} else {
			a.ofAll[port] = l
		}
	}
	a.byID[l.id] = l
	return listener{}, false, false
}

func (c *Config) checkNeeds() (errs Errors) {
	names := make([]string, len(c.Services))
	for i, s := range c.Services {
		names[i] = s.Name
	}
	needs := map[string][]string{}
	for _, s := range c.Services {
		at := c.where(s.Name, "needs")
		key := join(scopeOf(s.Name), "needs")
		for i, n := range s.Needs {
			switch {
			case n == s.Name:
				errs = append(errs, at.errorf("", "%s: a service cannot need itself", key))
			case !slices.Contains(names, n):
				hint := "there is " + strings.Join(without(names, s.Name), ", ")
				if len(names) == 1 {
					hint = "there is no other service"
				} else if near := nearest(n, names); near != "" {
					hint = didYouMean(near)
				}
				errs = append(errs, at.errorf(hint, "%s: there is no service %q", key, n))
			case slices.Contains(s.Needs[:i], n):
				errs = append(errs, at.errorf("", "%s: %q is listed twice", key, n))
			default:
				needs[s.Name] = append(needs[s.Name], n)
			}
		}
	}
	for _, cycle := range cycles(names, needs) {
		at := c.where(cycle[0], "needs")
		errs = append(errs, at.errorf("remove one of these needs", "%s: services wait for each other: %s",
			join(scopeOf(cycle[0]), "needs"), strings.Join(append(cycle, cycle[0]), " -> ")))
	}
	return errs
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// cycles finds one cycle per group of services that wait for each other.
func cycles(names []string, needs map[string][]string) (found [][]string) {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var path []string
	var visit func(string)
	visit = func(n string) {
		state[n] = open
		path = append(path, n)
		for _, next := range needs[n] {
			switch state[next] {
			case unseen:
				visit(next)
			case open:
				found = append(found, slices.Clone(path[slices.Index(path, next):]))
			}
		}
		path = path[:len(path)-1]
		state[n] = done
	}
	for _, n := range names {
		if state[n] == unseen {
			visit(n)
		}
	}
	return found
}

// Notes are things that are allowed but have a consequence, or no effect; for `check` and
// the start of a session.
func (c *Config) Notes() []*Error {
	var notes Errors
	for _, s := range c.ForServices() {
		scope := scopeOf(s.Name)
		note := func(key, hint, format string, args ...any) {
			notes = append(notes, c.latest(s.Name, key).errorf(hint, join(scope, key)+": "+format, args...))
		}
		b, r := s.Build, s.Run
		if b.Command.IsZero() {
			if b.Output != "" {
				note("build.output", "", "has no effect without build.command")
			}
		} else {
			if b.Output == "" {
				note("build.command", "set build.output to the binary that it writes", "without build.output there is nothing to compare: every successful build restarts")
				if len(r.Command) == 0 {
					note("build.command", "set build.output, or run.command", "there is nothing to run")
				}
			}
			for _, key := range []string{"build.package", "build.flags", "build.tags", "build.race", "build.engine", "build.dwarf", "build.linker"} {
				if s.IsSet(key) {
					note(key, "", "is for go build and has no effect with build.command")
				}
			}
		}
		if r.Order == StartFirst && s.Proxy.Listen == "" && len(r.Listen) == 0 {
			note("run.order", "set proxy.listen, or run.listen", "start-first runs two programs at once; they cannot listen on the same port")
		}
	}
	return notes.sorted()
}

// humanDuration is d as people write it: "1m30s" stays, "1m0s" becomes "1m".
func humanDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
