package proxy

import (
	"net/http"
	"time"
)

// fillTimes are the pauses after which a file that is empty is asked for again.
var fillTimes = [...]time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 100 * time.Millisecond}

// fill asks again for a file of a page that is empty because it is just being written: most tools
// truncate, then write. A page with the empty style sheet would be without styles for a moment.
func (x *exchange) fill(res *http.Response) {
	if x.q.use != asset || x.q.replayed {
		return
	}
	r := res.Request
	for _, pause := range fillTimes {
		if !beingWritten(res) {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(pause):
		}
		next, err := x.up.RoundTrip(r)
		if err != nil {
			return // the empty file is an answer, too
		}
		_ = res.Body.Close()
		*res = *next
	}
}

// beingWritten reports whether an answer is an empty file that was changed just now.
func beingWritten(res *http.Response) bool {
	return res.Request.Method == http.MethodGet && res.StatusCode == http.StatusOK && res.ContentLength == 0 && sameSecond(res.Header)
}
