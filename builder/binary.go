package builder

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	f, err := os.Open(path)
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
	h := sha256.New()
	h.Write(magic[:n])
	// 256 KiB: with the 32 KiB of io.Copy the system calls cost a tenth of the hashing.
	if _, err := io.CopyBuffer(onlyWriter{h}, onlyReader{f}, make([]byte, 256<<10)); err != nil {
		return sum, &unusableError{path: path, what: "cannot be read: " + err.Error()}
	}
	h.Sum(sum[:0])
	return sum, nil
}

// onlyReader and onlyWriter hide WriterTo and ReaderFrom, for which io.CopyBuffer would
// not use its buffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

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
