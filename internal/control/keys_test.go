package control

import "testing"

// T7: a key is one byte; arrow and function keys are none, whatever letters they send, and
// neither is what was pasted.
func TestKeyOf(t *testing.T) {
	for read, want := range map[string]string{
		"r": "r", "?": "?", "\x03": "\x03", "\r": "\r",
		"\x1b[A": "", "\x1b[B": "", "\x1bOP": "", "\x1b[15~": "", "\x1b[1;5C": "", "\x1b": "",
		"\x1b[Bq": "q", "q\x1b[B": "q",
		"rr": "r", "qqq": "q", "rq": "", "restart": "", "": "", "\x1b[200~b\x1b[201~": "b",
	} {
		key, ok := keyOf([]byte(read))
		got := ""
		if ok {
			got = string(key)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", read, got, want)
		}
	}
}
