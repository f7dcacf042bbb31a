package watcher

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/watchinfo"
)

// limitNotice says which limit is used up. The system's own words mislead: the
// lack of watches is "no space left on device".
func (t *tree) limitNotice() {
	missing := len(t.nodes) - t.watches
	n := Notice{
		Kind:    Limited,
		Message: fmt.Sprintf("cannot watch %d of %d directories (%v): polling them every %v", missing, len(t.nodes), t.limitErr, t.w.o.PollInterval),
		Hint:    watchinfo.RaiseHint("", 0),
	}
	if errors.Is(t.limitErr, syscall.ENOSPC) {
		if name, value := watchinfo.WatchLimit(); name != "" {
			n.Message = fmt.Sprintf("the limit %s (%d) is reached: %d of %d directories are not watched, but polled every %v", name, value, missing, len(t.nodes), t.w.o.PollInterval)
			n.Hint = watchinfo.RaiseHint(name, max(524288, 2*value))
		}
	}
	t.notice(n)
}

// resync makes up for lost events: which of them were about watches is not
// known, so all watches are made again, and everything is compared.
func (t *tree) resync() {
	t.lastResync = time.Now()
	t.be.close()
	t.watches, t.full = 0, false
	for _, d := range t.nodes {
		d.watched = false
	}
	t.be, t.pollMode = poll{}, true
	if n, err := t.newNotify(); err == nil {
		t.be, t.pollMode = n, false
	} else {
		t.limitErr = err
	}
	// To keep the old watcher until the new one is there would not be safer: whatever
	// happens between the two is found by the look that follows.
	t.rescan = true
	t.fullPass()
	t.notice(Notice{
		Kind:    Overflow,
		Message: fmt.Sprintf("many changes at once (queue overflow): rescanned all %d files", t.nfiles),
	})
}
