package control

import "unicode/utf16"

// keyRecord is what Windows reports of a console, an INPUT_RECORD with a KEY_EVENT_RECORD in it:
// each key twice (down and up), and besides keys the focus, the mouse and the window's size. The
// other kinds have the same length, and differ by the kind alone.
type keyRecord struct {
	Kind    uint16 // recordKey, or one of the others
	_       uint16
	Down    int32 // a BOOL
	Repeat  uint16
	Virtual uint16 // which key
	Scan    uint16
	Char    uint16 // UTF-16; 0 for a key that makes no character
	State   uint32
}

const (
	recordKey = 1    // KEY_EVENT
	altKey    = 0x12 // VK_MENU: its release has the character that was typed with Alt and digits
)

// typed is what was typed, from the records that were waiting. It takes all of them at once, so
// that pasted text is seen as such.
func typed(records []keyRecord) []byte {
	var chars []uint16
	for _, r := range records {
		if r.Kind == recordKey && r.Char != 0 && (r.Down != 0 || r.Virtual == altKey) {
			chars = append(chars, r.Char)
		}
	}
	return []byte(string(utf16.Decode(chars)))
}
