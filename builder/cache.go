package builder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/files"
)

// cleared remembers the cache directories that this process has cleared of what dead
// sessions left. It is process-wide because a cache belongs to a process: the builders
// of several services share one, and a builder made again after an edit of the
// configuration must not remove the binaries that run.
var cleared sync.Map

func (b *Builder) prepareCache() error {
	for _, d := range []string{b.o.Cache, b.bin, b.tmp, b.log} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return advice.With(fmt.Errorf("cannot create the cache directory: %w", err),
				"make it writable, or free some space there")
		}
	}
	if err := os.Chmod(b.o.Cache, 0o700); err != nil {
		return fmt.Errorf("cannot make the cache directory private: %w", err)
	}
	if _, done := cleared.LoadOrStore(b.o.Cache, struct{}{}); done {
		return nil
	}
	for _, d := range []string{b.bin, b.tmp, b.log} {
		entries, err := os.ReadDir(d)
		if err != nil {
			return fmt.Errorf("cannot read the cache directory: %w", err)
		}
		for _, e := range entries {
			// What cannot be removed (on Windows: a binary that still runs) does no harm:
			// the builds of this session replace it or have other names.
			os.RemoveAll(filepath.Join(d, e.Name()))
		}
	}
	return nil
}

// fresh is where the program of a generation is made: below tmp, because a killed go build
// leaves parts next to its output, too.
func (b *Builder) fresh(generation int) string {
	return filepath.Join(b.work(generation), "out", b.o.Name+binarySuffix(b.o.Output))
}

// work is the directory of the build of a generation.
func (b *Builder) work(generation int) string {
	return filepath.Join(b.tmp, b.o.Name+"-"+strconv.Itoa(generation))
}

// naming is held while a binary gets its name. After an edit of the configuration two
// builders may give names in one cache.
var naming sync.Mutex

// keep moves a complete program to the first free name: NAME-a, NAME-b, and so on. It is a
// new file each time, because macOS remembers the code signature of a file.
func (b *Builder) keep(fresh string) (bin string, err error) {
	naming.Lock()
	defer naming.Unlock()
	for letter := 'a'; letter <= 'z'; letter++ {
		bin = filepath.Join(b.bin, b.o.Name+"-"+string(letter)+binarySuffix(b.o.Output))
		if _, err := os.Lstat(bin); errors.Is(err, fs.ErrNotExist) {
			return bin, files.Rename(fresh, bin)
		}
	}
	return "", fmt.Errorf("no file name is free in %s", b.bin)
}

func (b *Builder) removeLogs() {
	entries, err := os.ReadDir(b.log)
	if err != nil {
		return
	}
	for _, e := range entries {
		// The names of services may be prefixes of each other ("api", "api-2"), so only
		// digits may follow.
		rest, ok := strings.CutPrefix(e.Name(), "build-"+b.o.Name+"-")
		if !ok {
			continue
		}
		if digits, ok := strings.CutSuffix(rest, ".log"); ok && isDigits(digits) {
			os.Remove(filepath.Join(b.log, e.Name()))
		}
	}
}

func isDigits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
