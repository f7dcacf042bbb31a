package direct

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// Archives are what the compiler writes with -pack: "!<arch>\n", then members with a header of 60 bytes each.
const (
	arMagic  = "!<arch>\n"
	arHeader = 60
	arExport = "__.PKGDEF" // export data
)

func arEntry(h []byte) (name string, size int64, ok bool) {
	if len(h) != arHeader || h[58] != '`' || h[59] != '\n' {
		return "", 0, false
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	return strings.TrimSpace(string(h[:16])), size, err == nil && size >= 0
}

// member is one of an archive.
type member struct {
	name       string
	head, data []byte
}

// members are those of an archive. The error says what the archive is instead.
func members(archive []byte) (all []member, err error) {
	rest, ok := bytes.CutPrefix(archive, []byte(arMagic))
	if !ok {
		return nil, errors.New("is not a compiled package")
	}
	for len(rest) > 0 {
		head := rest[:min(arHeader, len(rest))]
		rest = rest[len(head):]
		name, size, ok := arEntry(head)
		if !ok || size > int64(len(rest)) {
			return nil, errors.New("is cut off")
		}
		all = append(all, member{name, head, rest[:size]})
		rest = rest[min(size+size&1, int64(len(rest))):]
	}
	return all, nil
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
	if !ok || string(head[:len(arMagic)]) != arMagic || name != arExport || size > 1<<30 {
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
	all := []byte{}
	parts, err := members(data)
	if err != nil {
		return sum{}, refuse("%s %v", archive, err)
	}
	for _, m := range parts {
		all = append(all, m.name+"\x00"...)
		all = append(all, withoutID(m.data)...)
	}
	return sumOf(all), nil
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
