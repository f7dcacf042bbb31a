package files

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"
)

// N5 (10): what editors and shells of Windows write is read as what it is.
func TestText(t *testing.T) {
	for _, want := range []string{"", "A=1\r\n", "ключ=é\n", "A=\U0001F600x\uFFFD\n"} {
		for name, data := range map[string][]byte{
			"as it is": []byte(want),
			"a mark":   []byte("\uFEFF" + want),
			"UTF-16LE": encode(binary.LittleEndian, "\uFEFF"+want),
			"UTF-16BE": encode(binary.BigEndian, "\uFEFF"+want),
		} {
			if got, err := Text(data); err != nil || string(got) != want {
				t.Errorf("%s of %q: %q, %v", name, want, got, err)
			}
		}
	}
	for _, bad := range []string{
		"\xff\xfeA", "\xff\xfeA\x00B", // odd
		"\xff\xfe\x3d\xd8", "\xff\xfe\x3d\xd8A\x00", "\xfe\xff\xde\x00\x00A", // half a pair
	} {
		if got, err := Text([]byte(bad)); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func encode(order binary.AppendByteOrder, text string) (out []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}
