package watcher

import (
	"fmt"

	"github.com/hotreload/hotreload/internal/watchinfo"
)

// pollsOn reports whether the device that path lies on sends no events. It is
// asked once per device.
func (t *tree) pollsOn(dev uint64, path string) bool {
	if t.w.o.Backend != Auto {
		return false
	}
	if known, ok := t.pollDev[dev]; ok {
		return known
	}
	typ, reports := watchinfo.FileSystemIn(path, t.w.test.mountinfo)
	silent := !reports
	t.pollDev[dev] = silent
	if silent {
		t.notice(Notice{
			Kind:    Polling,
			Message: fmt.Sprintf("%s is on a file system that does not report changes (%s): polling every %v", path, typ, t.w.o.PollInterval),
		})
	}
	return silent
}
