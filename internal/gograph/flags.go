package gograph

import (
	"path/filepath"
	"strings"
)

// The build flags of cmd/go (work.AddBuildFlags, base.AddModFlag, base.AddModCommonFlags, work.AddCoverFlags; Go 1.26),
// sorted by what they mean for `go list`. A flag that is in none of the tables is left out: `go list` would refuse it.
var (
	// listBool and listValue are passed on: they select files, packages or modules, or are at least checked by go list
	// the way go build checks them.
	listBool  = set("asan", "buildvcs", "linkshared", "modcacherw", "msan", "race", "trimpath")
	listValue = set("asmflags", "buildmode", "compiler", "gccgoflags", "gcflags", "installsuffix", "ldflags", "mod", "modfile",
		"overlay", "pgo", "pkgdir", "tags")

	// dropValue and all switches not in listBool (-a -cover -i -json -n -v -work -x) change how a build runs or what it
	// prints, never what it is built from. -json means something else to go list; -n and -x would mix commands into its
	// output; -toolexec would start the user's program; -cover adds packages of the standard library only.
	dropValue = set("C", "covermode", "coverpkg", "debug-actiongraph", "debug-runtime-trace", "debug-trace", "exec", "o", "p",
		"toolexec", "vet")
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

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

// parseFlags reads flags given as for `go build`: "-x", "-name=value", "-name value", with one dash or two.
func parseFlags(flags []string) buildFlags {
	var b buildFlags
	for i := 0; i < len(flags); i++ {
		name, value, hasValue := strings.Cut(flags[i], "=")
		if !strings.HasPrefix(name, "-") {
			continue // the stray value of a flag that nobody knows
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")
		takesValue := listValue[name] || dropValue[name]
		if takesValue && !hasValue && i+1 < len(flags) {
			i++
			value, hasValue = flags[i], true
		}
		switch name {
		case "tags":
			b.tags = splitTags(value)
			continue // passed on once, at the end, with Options.Tags
		case "C":
			b.chdir = value
		case "mod":
			b.mod = value
		case "modfile":
			b.modfile = value
		case "overlay":
			b.overlay = value
		case "pgo":
			b.pgo = value
		}
		switch {
		case listValue[name]:
			b.list = append(b.list, "-"+name+"="+value)
		case listBool[name] && hasValue:
			b.list = append(b.list, "-"+name+"="+value)
		case listBool[name]:
			b.list = append(b.list, "-"+name)
		}
	}
	return b
}

// splitTags takes "a,b", and "a b" as Go 1.12 had it.
func splitTags(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\'' || r == '"' })
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

// abs makes a file named by a flag absolute, as the go command does with respect to its own directory.
func abs(dir, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}
