package gograph

import (
	"github.com/hotreload/hotreload/internal/gocmd"
)

// buildFlags are the flags of a build, sorted for our purpose.
type buildFlags struct {
	list    []string // for go list, each flag one argument ("-ldflags=-X 'a.b=c d'"), so no quoting is needed or undone
	tags    []string
	chdir   string // -C
	mod     string
	modfile string
	overlay string
	pgo     string // "" if not given
}

// parseFlags reads flags as for `go build`. A word that is no flag is passed over: the build reports it.
func parseFlags(words []string) (b buildFlags) {
	for len(words) > 0 {
		args, rest := gocmd.Build.Parse(words)
		for _, a := range args {
			b.add(a)
		}
		words = rest[min(1, len(rest)):]
	}
	return b
}

// parseGOFLAGS reads flags as in GOFLAGS. What cannot be understood, every go command reports.
func parseGOFLAGS(value string) (b buildFlags) {
	args, _ := gocmd.ParseGOFLAGS(value)
	for _, a := range args {
		b.add(a)
	}
	return b
}

func (b *buildFlags) add(a gocmd.Arg) {
	switch a.Name {
	case "tags":
		b.tags = gocmd.Tags(a.Value)
		return // passed on once, at the end, with Options.Tags
	case "C":
		b.chdir = a.Value
	case "mod":
		b.mod = a.Value
	case "modfile":
		b.modfile = a.Value
	case "overlay":
		b.overlay = a.Value
	case "pgo":
		b.pgo = a.Value
	}
	switch {
	case !a.Is(gocmd.Inputs):
	case a.HasValue || !a.Is(gocmd.Switch):
		b.list = append(b.list, "-"+a.Name+"="+a.Value)
	default:
		b.list = append(b.list, "-"+a.Name)
	}
}

// merge fills what the command line leaves open with what GOFLAGS says: the command line wins, flag by flag.
func (b buildFlags) merge(env buildFlags) buildFlags {
	for _, f := range []struct {
		to   *string
		from string
	}{{&b.mod, env.mod}, {&b.modfile, env.modfile}, {&b.overlay, env.overlay}, {&b.pgo, env.pgo}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if b.tags == nil {
		b.tags = env.tags
	}
	return b
}
