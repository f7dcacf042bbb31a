package proxy

import (
	"net/http"
	"time"
)

// revalidate makes a client ask again for what the program says nothing about. Without it, a
// browser takes a file as fresh for a tenth of its age, and shows the style sheet and the script
// from before the save. Whatever the program says about caching stays as it is.
func revalidate(h http.Header) {
	for _, k := range []string{"Cache-Control", "Expires", "Pragma"} {
		if _, ok := h[k]; ok {
			return
		}
	}
	h.Set("Cache-Control", "no-cache")
	if sameSecond(h) {
		h.Set("Cache-Control", "no-cache, no-store")
	}
}

// sameSecond reports whether the only thing that a client can ask with is a time that does not
// tell two saves of one second apart (RFC 9110, 8.8.2.2): the program would answer "not modified"
// to the question for the second one.
func sameSecond(h http.Header) bool {
	if h.Get("Etag") != "" {
		return false
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return false
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = time.Now()
	}
	return sent.Sub(modified) < 2*time.Second
}
