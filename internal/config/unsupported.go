package config

import "reflect"

// unsupported lists what the contract knows and this version does not do: a config that
// asks for it is refused with its place, never half obeyed. Delete an entry when its
// feature lands. wanted is given the value of the key as it applies to a service; a nil
// wanted means any value that is not empty.
var unsupported = []struct {
	key    string
	what   string
	wanted func(value any) bool
}{
	{"run.order", `order = "start-first"`, is("start-first")},
	{"run.rollback", "rollback", nil},
}

func is(text string) func(any) bool { return func(v any) bool { return v == text } }

// Unsupported is what c asks for that this version cannot do; nil if there is nothing.
// Call it after Finish.
func Unsupported(c *Config) []*Error {
	var errs Errors
	s := theSchema()
	for _, u := range unsupported {
		add := func(at place, key string) {
			errs = append(errs, at.errorf("remove "+key+", or use a newer hotreload", "%s: %s is not in this version yet", key, u.what))
		}
		wanted := u.wanted
		if wanted == nil {
			wanted = func(v any) bool {
				rv := reflect.ValueOf(v)
				return !rv.IsZero() && (rv.Kind() != reflect.Slice || rv.Len() > 0)
			}
		}
		f := s.fields[u.key]
		if !inheritable(u.key) {
			if wanted(f.in(reflect.ValueOf(c).Elem()).Interface()) {
				add(c.where("", u.key), u.key)
			}
			continue
		}
		for _, svc := range c.ForServices() {
			if wanted(f.in(reflect.ValueOf(svc)).Interface()) {
				scope := ""
				if l := c.layer(svc.Name); l != nil {
					if _, own := l.set[u.key]; own {
						scope = scopeOf(svc.Name)
					}
				}
				add(c.where(svc.Name, u.key), join(scope, u.key))
			}
		}
	}
	return errs.sorted()
}
