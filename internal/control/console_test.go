package control

import (
	"testing"
	"unsafe"
)

// The layout of INPUT_RECORD is Windows's: 20 bytes, the character at 14.
func TestKeyRecordLayout(t *testing.T) {
	var r keyRecord
	if size, at := unsafe.Sizeof(r), unsafe.Offsetof(r.Char); size != 20 || at != 14 {
		t.Errorf("%d bytes, the character at %d; want 20 and 14", size, at)
	}
}

// N5 (finding 2), T7: a key counts when it goes down. Releases, the focus, the mouse, keys without a character and
// pasted text are no commands.
func TestTyped(t *testing.T) {
	down := func(c uint16) keyRecord { return keyRecord{Kind: recordKey, Down: 1, Repeat: 1, Char: c} }
	up := func(c uint16) keyRecord { return keyRecord{Kind: recordKey, Repeat: 1, Char: c} }
	for name, c := range map[string]struct {
		records []keyRecord
		typed   string
		key     bool
	}{
		"nothing":                      {},
		"q":                            {[]keyRecord{down('q'), up('q')}, "q", true},
		"the release of Enter, then q": {[]keyRecord{up('\r'), down('q')}, "q", true},
		"only a release":               {[]keyRecord{up('q')}, "", false},
		"an arrow key":                 {[]keyRecord{{Kind: recordKey, Down: 1, Virtual: 0x26}}, "", false},
		"focus, mouse, size":           {[]keyRecord{{Kind: 0x10, Down: 1, Char: 'q'}, {Kind: 2, Down: 1, Char: 'q'}, {Kind: 4, Down: 1, Char: 'q'}}, "", false},
		"shift and q":                  {[]keyRecord{{Kind: recordKey, Down: 1, Virtual: 0x10}, down('Q'), up('Q')}, "Q", true},
		"pasted":                       {[]keyRecord{down('r'), up('r'), down('q'), up('q')}, "rq", false},
		"Alt and digits":               {[]keyRecord{{Kind: recordKey, Virtual: altKey, Char: 'q'}}, "q", true},
		"not ASCII":                    {[]keyRecord{down('ü'), up('ü')}, "ü", false},
		"two halves of a character":    {[]keyRecord{down(0xd83d), down(0xde00)}, "😀", false},
		"half a character":             {[]keyRecord{down(0xd83d)}, "\ufffd", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := typed(c.records)
			if string(got) != c.typed {
				t.Errorf("typed %q, want %q", got, c.typed)
			}
			if _, key := keyOf(got); key != c.key {
				t.Errorf("%q is a key: %v, want %v", got, key, c.key)
			}
		})
	}
}
