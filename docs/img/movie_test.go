//go:build unix

package main

import (
	"strings"
	"testing"
)

// Each frame is visible for its part of the time, and equal pages are in the file once.
func TestMovie(t *testing.T) {
	s := movie("127.0.0.1:8090", []frame{
		{"$ hotreload run", "", []byte("one"), 1},
		{"$ hotreload run\nlive", `main.go: "a" -> "b"`, []byte("two"), 2},
		{"$ hotreload run\nlive\nfailed", "broken", []byte("two"), 1},
	})
	wellFormed(t, s)
	for _, want := range []string{
		"@keyframes k0{0.000%{visibility:visible}25.000%{visibility:hidden}}",
		"@keyframes k1{0%{visibility:hidden}25.000%{visibility:visible}75.000%{visibility:hidden}}",
		"@keyframes k2{0%{visibility:hidden}75.000%{visibility:visible}100.000%{visibility:hidden}}",
		".k1{animation:k1 4.0s step-end infinite}",
		".f{animation:none}.k2{visibility:visible}",
		"data:image/png;base64,b25l", "data:image/png;base64,dHdv", `&#34;a&#34;`,
	} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in\n%s", want, s)
		}
	}
	if n := strings.Count(s, "<image "); n != 2 {
		t.Errorf("%d pages, want 2", n)
	}
	if n := strings.Count(s, `<use href="#p1"/>`); n != 2 {
		t.Errorf("the second page is shown %d times, want 2", n)
	}
}
