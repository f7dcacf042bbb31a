package proxy

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/hotreload/hotreload/internal/event"
)

// reworded is the event with other words in every field that people read.
func reworded(b event.Body) event.Body {
	v := reflect.New(reflect.TypeOf(b)).Elem()
	v.Set(reflect.ValueOf(b))
	for _, name := range []string{"Reason", "Why", "Message", "Hint", "Summary", "Detail", "What"} {
		if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String {
			f.SetString("said in another way")
		}
	}
	return v.Interface().(event.Body)
}

// H3: how something is said changes nothing for the proxy. Two sessions hear the same, one of
// them in other words, and do the same all the time.
func TestH3Words(t *testing.T) {
	t.Parallel()
	plain, _ := startLive(t, Options{Inject: true}, says("old"))
	other, _ := startLive(t, Options{Inject: true}, says("old"))
	both := func(b event.Body, service string, gen int) {
		plain.Emit(event.Event{Service: service, Generation: gen, Body: b})
		other.Emit(event.Event{Service: service, Generation: gen, Body: reworded(b)})
	}
	own := plain.opt.Service
	statuses := map[string]bool{}
	for i, step := range []struct {
		body    event.Body
		service string
		gen     int
	}{
		{event.Changed{Effect: "rebuild", Why: "Go file"}, own, 2},
		{event.Waiting{Reason: "waits for db", What: "for db"}, own, 2},
		{event.Paused{}, "", 0},
		{event.Held{Reason: "paused: changes are remembered but not built"}, "", 0},
		{event.Resumed{}, "", 0},
		{event.Held{Reason: "resumed"}, "", 0},
		{event.Changed{Effect: "none", Why: "same as the running program", Undone: true}, own, 2},
		{event.Undone{Paths: []string{"/src/main.go"}}, own, 2},
		{event.Changed{Effect: "rebuild", Why: "Go file"}, own, 3},
		{event.BuildStarted{}, own, 3},
		{event.BuildFinished{Summary: "1 error in main.go"}, own, 3},
		{event.Changed{Effect: "rebuild", Why: "Go file"}, own, 4},
		{event.BuildStarted{}, own, 4},
		{event.BuildFinished{OK: true, Unchanged: true}, own, 4},
		{event.Changed{Effect: "restart", Why: "rule views/*"}, own, 5},
		{event.Problem{Message: "cannot start: no such file", Failed: true}, own, 5},
		{event.Exited{Expected: true, Reason: "exit code 0"}, own, 1},
		{event.SessionEnded{Reason: "SIGTERM"}, "", 0},
	} {
		both(step.body, step.service, step.gen)
		state := func(r *rig) string {
			s := r.state()
			return fmt.Sprintf("%s generation=%d answers=%v serve=%v trouble=%v", s.Status, s.Generation, s.Answers, s.Serve, s.Trouble != nil)
		}
		a, b := state(plain), state(other)
		if a != b {
			t.Errorf("step %d, %+v: %q, in other words %q", i, step.body, a, b)
		}
		statuses[plain.state().Status] = true
	}
	for _, s := range []string{"live", "paused", "building", "broken", "ended"} {
		if !statuses[s] {
			t.Errorf("the session never was %q: %v", s, statuses)
		}
	}
}
