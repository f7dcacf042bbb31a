package direct

import (
	"context"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// recipe is how go build would make the program. It does not change once made, and is valid as long as the files are what
// their kind allows.
type recipe struct {
	packages []*pkg // that are local, or import a local one, each after those that it imports
	files    []file
	dirs     []dir
	late     []lateFile
	link     link
	env      []string // what the go command sets for its tools
	tool     string   // names the toolchain
}

// pkg is a package that the engine may have to compile.
type pkg struct {
	index     int
	path      string
	bucket    string        // its directory below $WORK
	obstacle  string        // why it cannot be compiled here; empty if it can
	compile   gocmd.Command // the compiler alone, without arguments
	args      []string
	importcfg []cfgLine
	embedcfg  string
	embeds    bool
	imports   []*pkg // of those in the recipe
	importers []*pkg
	files     []int // in recipe.files
}

// cfgLine is a line of an importcfg; where pkg is set, the path of its archive belongs at the end.
type cfgLine struct {
	text string
	pkg  *pkg
}

type link struct {
	tool     gocmd.Command // the linker alone, without arguments
	args     []string
	cfg      []cfgLine
	main     *pkg
	packages []string // import paths of the whole program
}

// kind is what may happen to a file without the recipe becoming invalid.
type kind int

const (
	source   kind = iota // of a package: all but the header may change
	embedded             // of a package: all may change
	header               // no part of the program: all but the header may change
	fixed                // nothing may change
	presence             // whether there is such a directory may not change
	place                // the name must stay the same thing: the same directory, a file, a link
)

type file struct {
	path string
	kind kind
	pkg  *pkg
	key  sum    // of the header
	what string // for people
}

// stamp is what the file system says of the file now.
func (f *file) stamp() (stamp, error) {
	if f.kind == place {
		return stampOfLink(f.path)
	}
	return stampOf(f.path)
}

// hasContent says whether the content of the file is compared, and not only its stamp.
func (f *file) hasContent() bool { return f.kind == source || f.kind == embedded || f.kind == header }

// lateFile is checked while the linker works: it is not expected to change.
type lateFile struct {
	path  string
	stamp stamp
}

// unchanged checks the files of other people's packages.
func (r *recipe) unchanged(ctx context.Context) error {
	for i, f := range r.late {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if s, err := stampOf(f.path); err != nil || s != f.stamp {
			return refuse("%s has changed", f.path)
		}
	}
	return nil
}
