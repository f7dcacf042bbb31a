package direct

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
)

// stamp is what the file system says about a file without reading it. The zero stamp is that of a file that does not
// exist.
type stamp struct{ filestat.Stat }

func (s stamp) exists() bool { return s.Exists() }

// unwritten says that the file was not written since it had the other stamp, nor moved away and back. A change of the mode
// explains another change time.
func (s stamp) unwritten(before stamp) bool {
	return s.Unwritten(before.Stat) && s.ID.Dev == before.ID.Dev
}

func (s stamp) regular() bool { return s.Kind == filestat.File }

// samePlace says that a name is still the same thing: the same directory, a file (which editors replace), a link.
func (s stamp) samePlace(t stamp) bool {
	return s.Kind == t.Kind && (s.Kind != filestat.Dir || s.ID == t.ID)
}

// stampOf follows links: the file that the compiler would read counts.
func stampOf(path string) (stamp, error) { return stampBy(filestat.Exact, path) }

// stampOfLink does not.
func stampOfLink(path string) (stamp, error) { return stampBy(filestat.ExactLink, path) }

// errNoChangeTime is for file systems where a tool can put all times of a file back, such as FAT.
var errNoChangeTime = errors.New("the file system has no change times")

func stampBy(ask func(string) (filestat.Stat, error), path string) (stamp, error) {
	st, err := ask(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return stamp{}, nil
	}
	if err == nil && st.Ctime == 0 {
		err = errNoChangeTime
	}
	return stamp{st}, err
}

// sum is enough of a SHA-256 to distinguish contents.
type sum [16]byte

func sumOf(text []byte) sum {
	full := sha256.Sum256(text)
	return sum(full[:16])
}

// known is what a build knows about a file.
type known struct {
	stamp stamp
	sum   sum  // of the content; zero if it was not read
	young bool // it could have been written once more without another stamp, so its content has to be read again
}

// maxContent is the size of the largest file whose content is compared; a larger one counts as changed when its stamp does.
const maxContent = 8 << 20

// read takes a file in: stamp, content, stamp again, until both are the same.
func read(path string) (known, []byte, error) {
	for range 10 {
		now := time.Now()
		before, err := stampOf(path)
		if err != nil || !before.exists() || !before.regular() {
			return known{}, nil, refuse("%s cannot be read", path)
		}
		if before.Size > maxContent {
			return known{stamp: before, young: before.Since(now)}, nil, nil
		}
		text, err := files.ReadShared(path)
		if err != nil {
			return known{}, nil, refuse("%s cannot be read", path)
		}
		if after, err := stampOf(path); err == nil && after == before {
			return known{stamp: before, sum: sumOf(text), young: before.Since(now)}, text, nil
		}
	}
	return known{}, nil, refuse("%s keeps changing", path)
}
