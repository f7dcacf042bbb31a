package direct

import (
	"crypto/sha256"
	"os"
	"time"
)

// stamp is what the file system says about a file without its being read. The zero stamp is that of a file that does not
// exist.
type stamp struct {
	size         int64
	mtime, ctime int64 // nanoseconds
	dev, ino     uint64
	mode         uint32
}

func (s stamp) exists() bool { return s != stamp{} }

// tick is longer than the clock of a file system stands still: 10 ms with the coarse clock of Linux, 1 to 2 s where no
// fraction is kept.
func (s stamp) tick() time.Duration {
	if s.ctime%int64(time.Second) == 0 {
		return 2 * time.Second
	}
	return 20 * time.Millisecond
}

// since says that the file may have changed after a moment, by the change time, which no tool can set back.
func (s stamp) since(t time.Time) bool {
	return s.exists() && s.ctime > t.UnixNano()-int64(s.tick())
}

// unwritten says that nobody wrote the file since it had the other stamp, nor moved it away and back. A change of the mode
// explains another change time.
func (s stamp) unwritten(before stamp) bool {
	return s.size == before.size && s.mtime == before.mtime && s.dev == before.dev && s.ino == before.ino &&
		(s.ctime == before.ctime || s.mode != before.mode)
}

// sum is enough of a SHA-256 to tell contents apart.
type sum [16]byte

func sumOf(text []byte) sum {
	full := sha256.Sum256(text)
	return sum(full[:16])
}

// known is what a build knows about a file.
type known struct {
	stamp stamp
	sum   sum  // of the content; zero if it was not read
	young bool // it could have been written once more without another stamp, so its content has to be looked at again
}

// maxContent is the size of the largest file whose content is compared; a larger one counts as changed when its stamp does.
const maxContent = 8 << 20

// read takes a file in: stamp, content, stamp again, until both are the same.
func read(path string) (known, []byte, error) {
	for range 10 {
		now := time.Now()
		before, err := look(path)
		if err != nil || !before.exists() || !before.regular() {
			return known{}, nil, refuse("%s cannot be read", path)
		}
		if before.size > maxContent {
			return known{stamp: before, young: before.since(now)}, nil, nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return known{}, nil, refuse("%s cannot be read", path)
		}
		if after, err := look(path); err == nil && after == before {
			return known{stamp: before, sum: sumOf(text), young: before.since(now)}, text, nil
		}
	}
	return known{}, nil, refuse("%s does not come to rest", path)
}
