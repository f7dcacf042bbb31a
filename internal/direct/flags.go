package direct

import (
	"slices"
	"strings"
)

// Flags and arguments are accepted by name. One that is not in these tables may mean anything.
var (
	// of go build. A flag with a list allows only those values.
	buildFlags = map[string][]string{
		"race": {"true", "false"}, "trimpath": {"true", "false"}, "modcacherw": {"true", "false"},
		"buildvcs": {"false"}, "pgo": {"off"}, "buildmode": {"default", "exe", "pie"}, "compiler": {"gc"},
		"tags": nil, "mod": {"readonly", "vendor", "mod"}, "p": nil, "ldflags": nil, "gcflags": nil, "asmflags": nil,
	}
	buildSwitches = []string{"race", "trimpath", "modcacherw", "buildvcs"}

	// of the compiler: they change what is compiled, and print and write nothing else.
	compileSwitches = []string{"std", "complete", "nolocalimports", "pack", "race", "shared", "dynlink", "N", "l", "B", "e",
		"dwarf", "dwarflocationlists", "smallframes", "wb", "C"}
	compileValues = []string{"o", "trimpath", "p", "lang", "goversion", "c", "importcfg", "embedcfg", "D", "installsuffix",
		"buildid", "spectre"}

	// of the linker, likewise.
	linkSwitches = []string{"w", "s", "race", "compressdwarf", "bindnow", "aslr", "d"}
	linkValues   = []string{"o", "importcfg", "buildmode", "buildid", "X", "extld", "extldflags", "extar", "linkmode",
		"checklinkname", "installsuffix", "H", "I"}

	// variables that make the compiler or the go command do or print something else.
	magic = []string{"GOCLOBBERDEADHASH", "GOSSAFUNC", "GOSSADIR", "GOCOMPILEDEBUG", "GO_BUILDER_NAME"}
)

// arg is a flag with one dash, and its value as the tool will see it.
type arg struct {
	name, value string
	words       int // that it takes
}

// nextArg reads a flag as package flag does. ok is false at the first word that is none.
func nextArg(words, switches, values []string) (a arg, known, ok bool) {
	w := words[0]
	name, isFlag := strings.CutPrefix(w, "-")
	if !isFlag || name == "" {
		return arg{}, false, false
	}
	name = strings.TrimPrefix(name, "-")
	name, value, has := strings.Cut(name, "=")
	a = arg{name: name, value: value, words: 1}
	switch {
	case slices.Contains(switches, name):
		if !has {
			a.value = "true"
		}
		return a, true, true
	case slices.Contains(values, name):
		if !has {
			if len(words) < 2 {
				return a, false, true
			}
			a.value, a.words = words[1], 2
		}
		return a, true, true
	}
	return a, false, true
}

// checkFlags says why go build cannot be replaced when it is called with these flags; GOFLAGS come first.
func checkFlags(words []string) error {
	var valued []string
	for name := range buildFlags {
		if !slices.Contains(buildSwitches, name) {
			valued = append(valued, name)
		}
	}
	given := map[string]string{}
	for len(words) > 0 {
		a, known, ok := nextArg(words, buildSwitches, valued)
		if !ok || !known {
			return refuse("the build flag %s", words[0])
		}
		if strings.Contains(a.value, workDir) {
			return refuse("the build flag -%s names %s", a.name, workDir)
		}
		given[a.name] = a.value
		words = words[a.words:]
	}
	for name, value := range given {
		if allowed := buildFlags[name]; allowed != nil && !slices.Contains(allowed, value) {
			return refuse("the build flag -%s=%s", name, value)
		}
	}
	if given["buildvcs"] != "false" {
		return refuse("the program is stamped by version control (-buildvcs=false would switch that off)")
	}
	if given["pgo"] != "off" {
		return refuse("a profile may guide the compiler (-pgo=off would switch that off)")
	}
	return nil
}

// checkCompile takes the arguments of a compilation apart: flags, in order, and files.
func checkCompile(argv []string) (flags []string, files []string, err error) {
	words := argv[1:]
	for len(words) > 0 {
		a, known, ok := nextArg(words, compileSwitches, compileValues)
		if !ok {
			return flags, words, nil
		}
		if !known {
			return nil, nil, refuse("it is compiled with %s", words[0])
		}
		// An archive of ours has no build ID, and how many threads compile it is decided anew.
		if a.name != "buildid" && a.name != "c" {
			flags = append(flags, words[:a.words]...)
		}
		words = words[a.words:]
	}
	return nil, nil, refuse("nothing is compiled")
}

// checkLink takes the arguments of the linker apart, which end with the main package's archive.
func checkLink(argv []string) (flags []string, err error) {
	id := "?"
	words := argv[1:]
	for len(words) > 1 {
		a, known, ok := nextArg(words, linkSwitches, linkValues)
		if !ok || !known {
			return nil, refuse("the linker is called with %s", words[0])
		}
		switch a.name {
		case "buildid":
			id = a.value
		case "o", "importcfg":
		case "buildmode":
			if a.value != "exe" && a.value != "pie" {
				return nil, refuse("the linker is called with -buildmode=%s", a.value)
			}
			fallthrough
		default:
			flags = append(flags, words[:a.words]...)
		}
		words = words[a.words:]
	}
	if len(words) != 1 || bucket(words[0]) == "" {
		return nil, refuse("the linker is called with %q at the end", words)
	}
	// With a build ID of Go's on another program, go build would later take that for its own and keep it.
	if id != "" && !strings.HasPrefix(id, "hotreload/") {
		return nil, refuse("the program has a build ID that is not hotreload's")
	}
	return append(flags, "-buildid="+id), nil
}
