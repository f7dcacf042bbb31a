package builder

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// phases is how long the two parts of a go build took. Before them, it loads the packages.
type phases struct{ compile, link time.Duration }

// actionsFlag makes go build write what it has done, and when. The program is the same. We rejected
// -x and -v, which change what is printed, and the times of files in the work directory, which go
// build removes at its end.
const actionsFlag = "-debug-actiongraph="

// action is one step of a go build, as it writes it.
type action struct {
	Mode      string
	Target    string
	Deps      []int // indexes of others
	TimeStart time.Time
	TimeDone  time.Time
}

// readPhases reads the steps of a go build, by the name of each program that it has linked. It is
// empty if the file is not as expected: no version of Go promises what is in it.
func readPhases(file string) map[string]phases {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var all []action
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	var first time.Time
	for _, a := range all {
		if a.Mode == "build" && !a.TimeStart.IsZero() && (first.IsZero() || a.TimeStart.Before(first)) {
			first = a.TimeStart
		}
	}
	found := map[string]phases{}
	for _, install := range all {
		if install.Mode != "link-install" || len(install.Deps) == 0 || install.Deps[0] < 0 || install.Deps[0] >= len(all) {
			continue
		}
		link := all[install.Deps[0]]
		if link.Mode != "link" || first.IsZero() || link.TimeStart.Before(first) || link.TimeDone.Before(link.TimeStart) {
			continue
		}
		found[filepath.Base(install.Target)] = phases{compile: link.TimeStart.Sub(first), link: link.TimeDone.Sub(link.TimeStart)}
	}
	return found
}
