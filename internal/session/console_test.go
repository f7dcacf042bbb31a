package session

import (
	"testing"

	"github.com/hotreload/hotreload/internal/event"
)

// P18: the status has the errors of the pages that are open, until these load again.
func TestFollowPages(t *testing.T) {
	svc := &service{}
	for i := range 2 * maxConsole {
		svc.followPages(event.Event{Body: event.Console{Line: i}})
	}
	if len(svc.console) != maxConsole || svc.console[0].Line != 0 {
		t.Errorf("%d are kept", len(svc.console))
	}
	svc.followPages(event.Event{Body: event.Reloaded{Kind: "css"}})
	if len(svc.console) == 0 {
		t.Error("a style sheet is no new page")
	}
	for _, b := range []event.Body{event.Reloaded{Kind: "page"}, event.Live{}} {
		svc.followPages(event.Event{Body: event.Console{}})
		if svc.followPages(event.Event{Body: b}); len(svc.console) != 0 {
			t.Errorf("after %T: %v", b, svc.console)
		}
	}
}
