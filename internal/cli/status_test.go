package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/control"
)

// M2: the table says of each service what holds of it beside its state.
func TestStatusTable(t *testing.T) {
	for want, s := range map[string]control.ServiceStatus{
		"api live 3 42":                    {State: "live"},
		"api failed (stale) 3 42":          {State: "failed", Stale: true},
		"api live (paused) 3 42":           {State: "live", Paused: true},
		"api failed (stale, paused) 3 42 ": {State: "failed", Stale: true, Paused: true},
	} {
		s.Service, s.Generation, s.PID = "api", 3, 42
		var out bytes.Buffer
		if err := (streams{out: &out, err: &out}).status(control.Status{Dir: "/src", Services: []control.ServiceStatus{s}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
