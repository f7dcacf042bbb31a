package builder

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// Programs differ if any byte differs, wherever it is, and by its place.
func TestChecksum(t *testing.T) {
	text := bytes.Repeat([]byte("abcdefg"), 3*sumPart/7+1)
	sum := func(text []byte) [32]byte {
		t.Helper()
		s, err := checksum(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	seen := map[[32]byte]int{}
	for _, size := range []int{1, sumPart - 1, sumPart, sumPart + 1, 2 * sumPart, 3*sumPart - 1, 3 * sumPart} {
		s := sum(text[:size])
		if was, ok := seen[s]; ok {
			t.Errorf("%d and %d bytes have the same sum", was, size)
		}
		if s != sum(bytes.Clone(text[:size])) {
			t.Errorf("the same %d bytes have two sums", size)
		}
		seen[s] = size
		for _, at := range []int{0, size / 2, size - 1} {
			other := bytes.Clone(text[:size])
			other[at]++
			if sum(other) == s {
				t.Errorf("%d bytes: byte %d does not count", size, at)
			}
		}
	}
	swapped := append(bytes.Clone(text[sumPart:2*sumPart]), text[:sumPart]...)
	if sum(swapped) == sum(text[:2*sumPart]) {
		t.Error("the order of the parts does not count")
	}
	if _, err := checksum(bytes.NewReader(text[:sumPart]), sumPart+1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that has become shorter: %v", err)
	}
}
