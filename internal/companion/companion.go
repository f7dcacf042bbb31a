// Package companion is the interface of what accompanies a program across its restarts: the proxy
// is one, a debugger can be another. The code that starts programs, and the code that decides
// about them, know only this interface.
//
// We rejected a nil proxy that is checked wherever it may matter: there were 27 such checks, and
// a second companion would have doubled them. A service has a list of companions instead, and an
// empty list does nothing.
package companion

import (
	"context"

	"github.com/hotreload/hotreload/internal/event"
)

// Companion accompanies one program. Its methods are called from several goroutines.
//
// One start of the program leads to these calls, in this order:
//
//	Place           what the program is given, and where it will answer
//	Drain           before the previous program is asked to end (stop-first)
//	SetUpstream     the program is ready there
//	Promote         it takes over from the previous one (start-first); Drain of that one follows
type Companion interface {
	// Emit follows the narration about the service. It never blocks.
	event.Sink
	// Run works until ctx ends, and returns when nothing of it is left.
	Run(ctx context.Context) error
	// Close gives back what it holds, if Run is not called.
	Close() error
	// Place is asked before each start of the program.
	Place() (Place, error)
	// SetUpstream says that the newest program is ready at its place.
	SetUpstream(Place)
	// Promote says that the process, the newest one, answers from now on.
	Promote(pid int)
	// Drain returns when the process, which is to be stopped, has no work left, or ctx ends.
	Drain(ctx context.Context, pid int)
	// Suspended says that a signal has stopped the process, and why, or (nil) that it continues.
	Suspended(pid int, why *event.Problem)
}

// Page is a companion that has a page for people.
type Page interface {
	Companion
	// URL is what to open in a browser.
	URL() string
	// Reload makes the open pages load again, or (css) only their style sheets and images. It
	// returns how many there are.
	Reload(css bool) (clients int)
}

// Place is what a companion gives a program for one start. The zero Place is nothing.
type Place struct {
	Addr string   // where the program is to answer; empty: it does not matter
	Env  []string // "NAME=value", added to its environment
	// Given says that the program learns of Addr by Env alone: then it can be expected to
	// listen there and nowhere else.
	Given bool
	// Key is the setting that names another address.
	Key string
}

// All are the companions of one service.
type All []Companion

// Page returns the one that has a page.
func (all All) Page() (Page, bool) {
	for _, c := range all {
		if p, ok := c.(Page); ok {
			return p, true
		}
	}
	return nil, false
}

// URL is that of the page; empty if there is none.
func (all All) URL() string {
	if p, ok := all.Page(); ok {
		return p.URL()
	}
	return ""
}

// Emit hands the event to all of them.
func (all All) Emit(e event.Event) {
	for _, c := range all {
		c.Emit(e)
	}
}

// Close closes all of them.
func (all All) Close() {
	for _, c := range all {
		_ = c.Close()
	}
}

// Places asks all of them, in the same order.
func (all All) Places() (places []Place, err error) {
	for _, c := range all {
		p, err := c.Place()
		if err != nil {
			return nil, err
		}
		places = append(places, p)
	}
	return places, nil
}

// Answering is the place at which the program is to answer; the zero Place if it does not matter.
func Answering(places []Place) Place {
	for _, p := range places {
		if p.Addr != "" {
			return p
		}
	}
	return Place{}
}

// SetUpstream hands each of them its own place.
func (all All) SetUpstream(places []Place) {
	for i, c := range all {
		c.SetUpstream(places[i])
	}
}

// Promote does it for all of them.
func (all All) Promote(pid int) {
	for _, c := range all {
		c.Promote(pid)
	}
}

// Drain drains them at the same time.
func (all All) Drain(ctx context.Context, pid int) {
	done := make(chan struct{})
	for _, c := range all {
		go func() {
			defer func() { done <- struct{}{} }()
			c.Drain(ctx, pid)
		}()
	}
	for range all {
		<-done
	}
}

// Suspended does it for all of them.
func (all All) Suspended(pid int, why *event.Problem) {
	for _, c := range all {
		c.Suspended(pid, why)
	}
}
