package builder

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hotreload/hotreload/internal/files"
)

// unusableError says why the file that a successful build has left cannot be run.
type unusableError struct {
	path    string
	what    string // "is missing", "is not executable", ...
	archive bool   // a compiled package that is not package main
	missing bool
}

func (e *unusableError) Error() string { return e.path + " " + e.what }

// stat looks at what a build has left, without opening it.
func stat(path string) (fs.FileInfo, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &unusableError{path: path, what: "does not exist", missing: true}
	case err != nil:
		return nil, &unusableError{path: path, what: "cannot be read: " + err.Error()}
	case st.IsDir():
		return nil, &unusableError{path: path, what: "is a directory, not a program"}
	case !st.Mode().IsRegular():
		return nil, &unusableError{path: path, what: "is not a regular file"} // never opened: a FIFO would block
	case st.Size() == 0:
		return nil, &unusableError{path: path, what: "is empty"}
	}
	return st, nil
}

// inspect makes sure that a file is a program and returns its checksum. Scripts are
// allowed where the user's command made the file.
func inspect(path string, script bool) (sum [sha256.Size]byte, err error) {
	st, err := stat(path)
	if err != nil {
		return sum, err
	}
	f, err := files.Open(path)
	if err != nil {
		return sum, &unusableError{path: path, what: "cannot be read: " + err.Error()}
	}
	defer f.Close()
	var magic [8]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && err != io.ErrUnexpectedEOF {
		return sum, &unusableError{path: path, what: "cannot be read: " + err.Error()}
	}
	if err := identify(path, magic[:n], script); err != nil {
		return sum, err
	}
	if !mayExecute(st) {
		return sum, &unusableError{path: path, what: fmt.Sprintf("is not executable (mode %v)", st.Mode().Perm())}
	}
	sum, err = checksum(f, st.Size())
	if err != nil {
		return sum, &unusableError{path: path, what: "cannot be read: " + err.Error()}
	}
	return sum, nil
}

// sumPart is what is read and summed up at a time.
const sumPart = 256 << 10

// sumSeeds make two hashes of 64 bits of each part: only this process ever compares them.
var sumSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// checksum is the SHA-256 of what [maphash] makes of the file's parts. The new program waits for it: SHA-256 of the whole
// takes one processor 49 ms for 65 MB, and ten times as long where it has no instructions for that.
func checksum(f io.ReaderAt, size int64) (sum [sha256.Size]byte, err error) {
	parts := make([][16]byte, (size+sumPart-1)/sumPart)
	var (
		next atomic.Int64
		wg   sync.WaitGroup
		errs = make([]error, min(len(parts), runtime.GOMAXPROCS(0)))
	)
	for w := range errs {
		wg.Go(func() {
			buf := make([]byte, sumPart)
			for i := next.Add(1) - 1; int(i) < len(parts); i = next.Add(1) - 1 {
				part := buf[:min(sumPart, size-i*sumPart)]
				if n, err := f.ReadAt(part, i*sumPart); n < len(part) {
					if err == io.EOF {
						err = io.ErrUnexpectedEOF
					}
					errs[w] = err
					return
				}
				for k, seed := range sumSeeds {
					binary.LittleEndian.PutUint64(parts[i][8*k:], maphash.Bytes(seed, part))
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return sum, err
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write(p[:])
	}
	h.Sum(sum[:0])
	return sum, nil
}

// magics are the first bytes of the executable formats that Go builds.
var magics = []string{
	"\x7fELF",
	"\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", // Mach-O, both orders and sizes
	"\xca\xfe\xba\xbe", // Mach-O for several architectures
	"MZ",               // PE
	"\x00asm",          // WebAssembly, for those who run it through a command
}

func identify(path string, magic []byte, script bool) error {
	if bytes.HasPrefix(magic, []byte("!<arch>")) {
		return &unusableError{path: path, what: "is a compiled package, not a program", archive: true}
	}
	for _, m := range magics {
		if bytes.HasPrefix(magic, []byte(m)) {
			return nil
		}
	}
	if script && bytes.HasPrefix(magic, []byte("#!")) {
		return nil
	}
	return &unusableError{path: path, what: "is not a program (neither ELF, Mach-O nor PE)"}
}
