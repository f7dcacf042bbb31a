package watcher

import "fmt"

// reports are what a person should know.
type reports struct {
	outbox      []Notice
	unreadable  map[string]bool
	newBad      []string // unreadable ones that were not reported yet
	limitErr    error    // that some directory of this round could not be watched for
	limitTold   bool
	linkedNoted bool // that too much is behind links
}

func (r *reports) notice(n Notice) {
	if len(r.outbox) >= maxNotices {
		r.outbox = r.outbox[1:]
	}
	r.outbox = append(r.outbox, n)
}

func (r *reports) bad(path string) {
	if !r.unreadable[path] {
		r.unreadable[path] = true
		r.newBad = append(r.newBad, path)
	}
}

// tellUnreadable says in one line what the looks of this round could not read.
func (r *reports) tellUnreadable() {
	n := len(r.newBad)
	if n == 0 {
		return
	}
	what := fmt.Sprintf("cannot read the directory %q", r.newBad[0])
	if n > 1 {
		what += fmt.Sprintf(" and %d more", n-1)
	}
	r.notice(Notice{Kind: Unreadable, Message: what + ": changes in it are not noticed", Hint: "make it readable, or exclude it"})
	r.newBad = nil
}
