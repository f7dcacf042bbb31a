package watcher

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/filestat"
)

// Two seeds of maphash make a 128-bit sum. It need not be stable across
// processes, and resist no attack. Measured on 10 KB files: 6.0 GB/s, against
// 1.9 for SHA-256 with hardware support and 0.8 for FNV-128.
var seedA, seedB = maphash.MakeSeed(), maphash.MakeSeed()

var (
	errNoFile = errors.New("not a regular file")
	errBig    = errors.New("too large to read")
)

const chunk = 64 << 10

// sumFile reads path and returns its sum together with its stat from before the
// reading, so that a write meanwhile shows as a different stat afterwards. With
// errBig the stat is valid. opened, if not nil, is called between the stat and the
// reading.
func sumFile(path string, limit int64, buf []byte, opened func(path string)) (Sum, stat, error) {
	f, err := files.OpenShared(path)
	if err != nil {
		return Sum{}, stat{}, err
	}
	defer f.Close()
	st, err := filestat.OfFile(f)
	if err != nil {
		return Sum{}, stat{}, err
	}
	if st.Kind != kindFile {
		return Sum{}, st, errNoFile
	}
	if st.Size > limit {
		return Sum{}, st, errBig
	}
	if opened != nil {
		opened(path)
	}
	var a, b maphash.Hash
	a.SetSeed(seedA)
	b.SetSeed(seedB)
	for {
		n, err := f.Read(buf)
		a.Write(buf[:n])
		b.Write(buf[:n])
		if err == io.EOF {
			return sumOf(a.Sum64(), b.Sum64()), st, nil
		}
		if err != nil {
			return Sum{}, st, err
		}
	}
}

// statSum is used in place of the sum of a file that was not read.
func statSum(st stat) Sum {
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], st.ID.Ino)
	binary.LittleEndian.PutUint64(b[8:], uint64(st.Size))
	binary.LittleEndian.PutUint64(b[16:], uint64(st.Mtime))
	binary.LittleEndian.PutUint64(b[24:], uint64(st.Ctime))
	return sumOf(maphash.Bytes(seedA, b[:]), maphash.Bytes(seedB, b[:]))
}

func sumOf(a, b uint64) (s Sum) {
	binary.LittleEndian.PutUint64(s[:8], a)
	binary.LittleEndian.PutUint64(s[8:], b|1) // never the zero Sum
	return s
}
