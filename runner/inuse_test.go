package runner

import (
	"strings"
	"testing"
)

// R7: the address in the complaints of several languages, however the output is cut.
func TestInUse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"2026/01/02 15:04:05 listen tcp 127.0.0.1:8080: bind: address already in use\n", "127.0.0.1:8080"},
		{"listen tcp :8080: bind: address already in use\nexit status 1\n", ":8080"},
		{"listen tcp [::1]:8080: bind: address already in use\n", "[::1]:8080"},
		{"panic: listen tcp4 0.0.0.0:80: bind: address already in use\n\ngoroutine 1 [running]:\n", "0.0.0.0:80"},
		{`{"level":"error","time":"2026-01-02T15:04:05Z","error":"listen tcp localhost:9090: bind: address already in use"}` + "\n", "localhost:9090"},
		{"12:00:01 Error: listen EADDRINUSE: address already in use :::3000\n    at Server (node:net:1463:16)\n", ":3000"},
		{"Error: listen EADDRINUSE: address already in use 127.0.0.1:3000\n", "127.0.0.1:3000"},
		{"OSError: [Errno 98] Address already in use\n", ""},
		{"15:04:05 OSError: [Errno 98] Address already in use\n", ""},
		{"Error: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }\n", ""},
		{"nginx: [emerg] bind() to 0.0.0.0:8081 failed (98: Address already in use)\n", "0.0.0.0:8081"},
		{"listen tcp :8080: bind: Only one usage of each socket address (protocol/network address/port) is normally permitted.\n", ":8080"},
		{"the port 8080 is fine\n", "none"},
		{strings.Repeat("x", inUseMost+1) + "\nlisten tcp :8080: bind: address already in use\n", "none"},
	} {
		for _, chunk := range []int{1, 7, 1 << 20} {
			if chunk == 1 && len(c.text) > 1000 {
				continue
			}
			u := newInUse()
			add := u.add(0)
			text := "starting\n" + c.text
			for len(text) > 0 {
				n := min(chunk, len(text))
				add([]byte(text[:n]))
				text = text[n:]
			}
			got := "none"
			select {
			case got = <-u.found:
			default:
			}
			if got != c.want {
				t.Errorf("%.60q in pieces of %d: %q, want %q", c.text, chunk, got, c.want)
			}
		}
	}
}
