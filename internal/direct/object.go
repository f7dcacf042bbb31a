package direct

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A linker that writes no debug information (-w) reads it all the same: of 1,017 compiled packages with 3.5 million symbols,
// 630,000 are DWARF, and so are 70,000 of 690,000 names that are looked up. lean makes an archive without them, of which the
// linker makes the same program in three quarters of the time.
//
// It is cautious. The layout (cmd/internal/goobj) and the numbers of the symbol kinds (cmd/internal/objabi) are those of Go
// 1.25 to 1.27, which are the same; an archive of another version is an error. No symbol is moved or taken away, for other
// packages name them by their number: those of DWARF lose what they hold and refer to, and their names. And an archive is an
// error in which that could make another program, because a DWARF symbol leads the linker's search for what the program
// needs to something that it would not have found without.

// leanVersions are the versions of Go whose object files are understood.
var leanVersions = []string{"go1.25", "go1.26", "go1.27"}

var errWhole = errors.New("this archive stays as it is")

func whole(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errWhole, fmt.Sprintf(format, args...))
}

// lean is the archive for a linker that writes no debug information. The error is errWhole.
func lean(archive []byte) ([]byte, error) {
	parts, err := members(archive)
	if err != nil {
		return nil, whole("it %v", err)
	}
	out := make([]byte, 0, len(archive))
	out = append(out, arMagic...)
	for _, m := range parts {
		text, object, isGo := cutObject(m.data)
		switch {
		case isGo && !understood(text):
			return nil, whole("its version of Go is not known")
		case m.name == arExport:
			m.data = nil // for compilers; the linker skips it
		case isGo:
			if object, err = leanObject(object); err != nil {
				return nil, err
			}
			m.data = slices.Concat(text, object)
		}
		out = append(out, m.head[:48]...)
		out = fmt.Appendf(out, "%-10d", len(m.data))
		out = append(out, m.head[58:]...)
		out = append(out, m.data...)
		if len(m.data)&1 != 0 {
			out = append(out, 0)
		}
	}
	return out, nil
}

// cutObject parts the lines of text before an object of Go's from what they are about. An object of C has none.
func cutObject(body []byte) (text, object []byte, ok bool) {
	const end = "\n!\n"
	if !bytes.HasPrefix(body, []byte("go object ")) {
		return nil, nil, false
	}
	i := bytes.Index(body, []byte(end))
	if i < 0 {
		return nil, nil, false
	}
	return body[:i+len(end)], body[i+len(end):], true
}

// understood says that the line above an object, "go object OS ARCH VERSION ...", names a version whose format is known.
func understood(text []byte) bool {
	words := strings.Fields(string(text))
	return len(words) > 4 && slices.ContainsFunc(leanVersions, func(v string) bool {
		rest, ok := strings.CutPrefix(words[4], v)
		return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
	})
}

// The blocks of an object file.
const (
	blkAutolib = iota
	blkPkgIdx
	blkFile
	blkSymdef
	blkHashed64def
	blkHasheddef
	blkNonpkgdef
	blkNonpkgref
	blkRefFlags
	blkHash64
	blkHash
	blkRelocIdx
	blkAuxIdx
	blkDataIdx
	blkReloc
	blkAux
	blkData
	blkRefName // for tools only
	blkEnd
	blocks

	objectMagic  = "\x00go120ld"
	objectBlocks = len(objectMagic) + 8 + 4 // after a fingerprint and flags
	objectHead   = objectBlocks + 4*blocks

	symSize   = 21 // name {length, offset uint32}, ABI uint16, kind, flag, flag2 uint8, size, align uint32
	relocSize = 23 // offset int32, size uint8, type uint16, addend int64, symbol
	auxSize   = 9  // type uint8, symbol

	// A symbol is named by two uint32: a package, or a number in place of one, and a number.
	pkgNone     = 1<<31 - 1 // the symbols that belong to no package
	pkgHashed64 = pkgNone - 1
	pkgHashed   = pkgNone - 2 // those that are known by what they hold; since Go 1.27 also functions
	pkgSelf     = pkgNone - 4

	// Kinds of symbols.
	dwarfFirst = 12 // SDWARFCUINFO
	dwarfLast  = 21 // SDWARFADDR

	// Types of what a symbol has beside it: AuxDwarfInfo, Loc, Ranges, Lines.
	auxDwarfFirst = 3
	auxDwarfLast  = 6

	relocUseType = 22 // R_USETYPE: keeps nothing in the program

	dwarfInfo = "go:info." // the linker makes what has such a name
)

var le = binary.LittleEndian

// object is a Go object file.
type object struct {
	b      []byte
	off    [blocks]int
	self   int // number of symbols that belong to its package
	hashed int // number of the first symbol that is known by the hash of what it holds; from self on by a short one
	nonpkg int // number of the first symbol that belongs to no package
	defs   int // number of all defined symbols
	refs   int // number of those that are only named; they come behind
}

func readObject(b []byte) (*object, error) {
	if len(b) < objectHead || !bytes.HasPrefix(b, []byte(objectMagic)) {
		return nil, whole("its object is of another format")
	}
	o := &object{b: b}
	last := objectHead
	for i := range o.off {
		o.off[i] = int(le.Uint32(b[objectBlocks+4*i:]))
		if o.off[i] < last || o.off[i] > len(b) {
			return nil, whole("its blocks are out of order")
		}
		last = o.off[i]
	}
	for _, x := range []struct {
		n        *int
		from, to int
	}{
		{&o.self, blkSymdef, blkHashed64def}, {&o.hashed, blkSymdef, blkHasheddef}, {&o.nonpkg, blkSymdef, blkNonpkgdef},
		{&o.defs, blkSymdef, blkNonpkgref}, {&o.refs, blkNonpkgref, blkRefFlags},
	} {
		size := o.off[x.to] - o.off[x.from]
		if *x.n = size / symSize; size%symSize != 0 {
			return nil, whole("its symbols are cut off")
		}
	}
	for i := range o.defs + o.refs {
		s := o.symbol(i)
		if size, at := uint64(le.Uint32(s)), uint64(le.Uint32(s[4:])); at+size > uint64(len(b)) {
			return nil, whole("a name is out of bounds")
		}
	}
	for _, p := range []part{relocs, auxes, data} {
		if o.off[p.index+1]-o.off[p.index] != 4*(o.defs+1) {
			return nil, whole("an index is not as long as there are symbols")
		}
		was := 0
		for i := range o.defs + 1 {
			n := o.start(p, i)
			if n < was || n > (o.off[p.block+1]-o.off[p.block])/p.size {
				return nil, whole("an index is out of order")
			}
			was = n
		}
	}
	return o, nil
}

// symbol is a defined one, or one that is only named.
func (o *object) symbol(i int) []byte { return o.b[o.off[blkSymdef]+i*symSize:][:symSize] }

func (o *object) name(i int) []byte {
	s := o.symbol(i)
	return o.b[le.Uint32(s[4:]):][:le.Uint32(s)]
}

// part is a kind of things of which every defined symbol has some.
type part struct {
	index, block, size int
	symbol             int // where in one of them a symbol is named
}

var (
	relocs = part{blkRelocIdx, blkReloc, relocSize, 15}
	auxes  = part{blkAuxIdx, blkAux, auxSize, 1}
	data   = part{blkDataIdx, blkData, 1, 0}
)

func (o *object) start(p part, i int) int { return int(le.Uint32(o.b[o.off[p.index]+4*i:])) }

// of is what a symbol has of a part.
func (o *object) of(p part, i int) []byte {
	return o.b[o.off[p.block]+o.start(p, i)*p.size : o.off[p.block]+o.start(p, i+1)*p.size]
}

// each yields them one by one.
func (o *object) each(p part, i int) iter.Seq[[]byte] { return slices.Chunk(o.of(p, i), p.size) }

// target is the number of the symbol that one of a part names, -1 if it is none that this object defines or names.
func (o *object) target(p part, one []byte) int {
	ref := one[p.symbol:]
	var first, end int
	switch le.Uint32(ref) {
	case pkgSelf:
		first, end = 0, o.self
	case pkgHashed64:
		first, end = o.self, o.hashed
	case pkgHashed:
		first, end = o.hashed, o.nonpkg
	case pkgNone:
		first, end = o.nonpkg, o.defs+o.refs
	}
	if i := first + int(le.Uint32(ref[4:])); i < end {
		return i
	}
	return -1
}

// dwarf says that a symbol is debug information, or a name for some that the linker makes.
func (o *object) dwarf(i int) bool {
	if i < 0 || i >= o.defs {
		return i >= 0 && bytes.HasPrefix(o.name(i), []byte(dwarfInfo))
	}
	kind := o.symbol(i)[10]
	return dwarfFirst <= kind && kind <= dwarfLast
}

// separable is nil if what the linker finds does not depend on debug information: all that is found by way of it is the symbol
// that it describes, and nothing else leads to it.
func (o *object) separable() error {
	owner, err := o.owners()
	if err != nil {
		return err
	}
	for i := range o.defs {
		if !o.dwarf(i) {
			continue
		}
		if len(o.of(auxes, i)) > 0 {
			return whole("debug information has something beside it")
		}
		for r := range o.each(relocs, i) {
			if !o.leadsNowhere(r, i, owner) {
				return whole("debug information leads to something else")
			}
		}
	}
	return nil
}

// noOwner marks a symbol that describes no other.
const noOwner = -1

// owners says which symbol each symbol of debug information describes. All that a symbol refers to beside that must be no debug
// information.
func (o *object) owners() ([]int, error) {
	owner := slices.Repeat([]int{noOwner}, o.defs)
	for i := range o.defs {
		if o.dwarf(i) {
			continue
		}
		for r := range o.each(relocs, i) {
			if o.dwarf(o.target(relocs, r)) {
				return nil, whole("a symbol refers to debug information")
			}
		}
		for a := range o.each(auxes, i) {
			t := o.target(auxes, a)
			switch isDwarf := o.dwarf(t); {
			case isDwarf != dwarfAux(a), isDwarf && t >= o.defs:
				return nil, whole("what a symbol has beside it is not understood")
			case isDwarf && owner[t] != noOwner && owner[t] != i:
				return nil, whole("debug information describes two symbols")
			case isDwarf:
				owner[t] = i
			}
		}
	}
	return owner, nil
}

// leadsNowhere says that a reference in debug information, symbol i, leads the linker to nothing that it would not have found.
func (o *object) leadsNowhere(reloc []byte, i int, owner []int) bool {
	t := o.target(relocs, reloc)
	switch {
	case le.Uint16(reloc[5:]) == relocUseType:
		return true
	case t < 0:
		return false
	case t < o.defs && o.dwarf(t):
		return owner[t] == noOwner || owner[t] == owner[i] || t == owner[i]
	}
	return t == owner[i] || t >= o.defs && o.dwarf(t)
}

func dwarfAux(a []byte) bool { return auxDwarfFirst <= a[0] && a[0] <= auxDwarfLast }

// leanObject leaves out what the symbols of DWARF hold and refer to, their names, and the references to them.
func leanObject(b []byte) ([]byte, error) {
	o, err := readObject(b)
	if err != nil {
		return nil, err
	}
	if err := o.separable(); err != nil {
		return nil, err
	}
	out := make([]byte, o.off[blkRelocIdx], len(b))
	copy(out, b)
	for i := range o.defs + o.refs {
		if o.dwarf(i) {
			s := out[o.off[blkSymdef]+i*symSize:]
			clear(s[:8])    // the name
			clear(s[13:17]) // the size
		}
	}
	block := func(n int, text []byte) {
		le.PutUint32(out[objectBlocks+4*n:], uint32(len(out)))
		out = append(out, text...)
	}
	var texts [3][]byte
	for n, p := range []part{relocs, auxes, data} {
		index := make([]byte, 0, 4*(o.defs+1))
		text := make([]byte, 0, o.off[p.block+1]-o.off[p.block])
		for i := range o.defs {
			index = le.AppendUint32(index, uint32(len(text)/p.size))
			switch {
			case o.dwarf(i):
			case p == auxes:
				for a := range o.each(p, i) {
					if !dwarfAux(a) {
						text = append(text, a...)
					}
				}
			default:
				text = append(text, o.of(p, i)...)
			}
		}
		block(p.index, le.AppendUint32(index, uint32(len(text)/p.size)))
		texts[n] = text
	}
	block(blkReloc, texts[0])
	block(blkAux, texts[1])
	block(blkData, texts[2])
	block(blkRefName, nil)
	block(blkEnd, nil)
	// The linker makes a slice of nothing where a last symbol has nothing, and that may not begin at the end.
	return append(out, make([]byte, relocSize)...), nil
}
