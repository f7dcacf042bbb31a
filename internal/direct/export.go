package direct

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
)

// Archives are what the compiler writes with -pack: "!<arch>\n", then members with a header of 60 bytes each.
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

func arEntry(h []byte) (name string, size int64, ok bool) {
	if len(h) != arHeader || h[58] != '`' || h[59] != '\n' {
		return "", 0, false
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	return strings.TrimSpace(string(h[:16])), size, err == nil && size >= 0
}

// exportSum is the sum of a compiled package's export data: all that the compiler reads of an import. The lines before it,
// with the build ID, are no part of that.
func exportSum(archive string) (sum, error) {
	f, err := os.Open(archive)
	if err != nil {
		return sum{}, err
	}
	defer f.Close()
	head := make([]byte, len(arMagic)+arHeader)
	if _, err := io.ReadFull(f, head); err != nil {
		return sum{}, err
	}
	name, size, ok := arEntry(head[len(arMagic):])
	if !ok || string(head[:len(arMagic)]) != arMagic || name != "__.PKGDEF" || size > 1<<30 {
		return sum{}, refuse("%s is not a compiled package", archive)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return sum{}, err
	}
	i := bytes.Index(data, []byte("\n$$B\n"))
	if i < 0 {
		return sum{}, refuse("%s has no export data that is known", archive)
	}
	return sumOf(data[i:]), nil
}

// archiveSum is the sum of a whole compiled package but for the lines that hold the build ID.
func archiveSum(archive string) (sum, error) {
	data, err := os.ReadFile(archive)
	if err != nil {
		return sum{}, err
	}
	rest, ok := bytes.CutPrefix(data, []byte(arMagic))
	if !ok {
		return sum{}, refuse("%s is not a compiled package", archive)
	}
	var all bytes.Buffer
	for len(rest) > 0 {
		if len(rest) < arHeader {
			return sum{}, refuse("%s is cut off", archive)
		}
		name, size, ok := arEntry(rest[:arHeader])
		rest = rest[arHeader:]
		if !ok || size > int64(len(rest)) {
			return sum{}, refuse("%s is cut off", archive)
		}
		all.WriteString(name + "\x00")
		all.Write(withoutID(rest[:size]))
		rest = rest[min(size+size&1, int64(len(rest))):]
	}
	return sumOf(all.Bytes()), nil
}

// withoutID cuts out the line `build id "..."`, which is among the first of a member.
func withoutID(data []byte) []byte {
	const line = "\nbuild id \""
	i := bytes.Index(data[:min(len(data), 512)], []byte(line))
	if i < 0 {
		return data
	}
	end := bytes.IndexByte(data[i+1:], '\n')
	if end < 0 {
		return data
	}
	return append(bytes.Clone(data[:i]), data[i+1+end:]...)
}
