package direct

import (
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// checkFlags says why go build cannot be replaced when it is called with these flags; GOFLAGS come first.
func checkFlags(goflags string, words []string) error {
	inherited, err := gocmd.ParseGOFLAGS(goflags)
	if err != nil {
		return refuse("GOFLAGS cannot be parsed")
	}
	own, rest := gocmd.Build.Parse(words)
	given := map[string]gocmd.Arg{} // the last one of a name counts
	for _, a := range slices.Concat(inherited, own) {
		if !a.Complete() || a.Direct == nil {
			return refuse("the build flag %s", a.Words[0])
		}
		if strings.Contains(a.Value, gocmd.WorkDir) {
			return refuse("the build flag -%s names %s", a.Name, gocmd.WorkDir)
		}
		if !a.HasValue {
			a.Value = "true"
		}
		given[a.Name] = a
	}
	if len(rest) > 0 {
		return refuse("the build flag %s", rest[0])
	}
	for _, a := range given {
		if !a.AllowsDirect(a.Value) {
			return refuse("the build flag -%s=%s", a.Name, a.Value)
		}
	}
	if given["buildvcs"].Value != "false" {
		return refuse("the program is stamped with version control information (-buildvcs=false turns that off)")
	}
	if given["pgo"].Value != "off" {
		return refuse("a profile may guide the compiler (-pgo=off turns that off)")
	}
	return nil
}

// checkCompile takes the arguments of a compilation apart: flags, in order, and files.
func checkCompile(argv []string) (flags []string, files []string, err error) {
	args, files := gocmd.Compile.Parse(argv[1:])
	for _, a := range args {
		if !a.Complete() {
			return nil, nil, refuse("it is compiled with %s", a.Words[0])
		}
		// An archive of ours has no build ID, and how many threads compile it is decided again.
		if a.Name != "buildid" && a.Name != "c" {
			flags = append(flags, a.Words...)
		}
	}
	if len(files) == 0 {
		return nil, nil, refuse("nothing is compiled")
	}
	return flags, files, nil
}

// checkLink takes the arguments of the linker apart, which end with the main package's archive.
func checkLink(argv []string) (flags []string, err error) {
	last := argv[len(argv)-1]
	args, rest := gocmd.Link.Parse(argv[min(1, len(argv)-1) : len(argv)-1])
	if len(rest) > 0 || gocmd.Bucket(last) == "" {
		return nil, refuse("the linker is called with %q at the end", append(rest, last))
	}
	id := "?"
	for _, a := range args {
		if !a.Complete() {
			return nil, refuse("the linker is called with %s", a.Words[0])
		}
		switch a.Name {
		case "buildid":
			id = a.Value
			continue
		case "o", "importcfg":
			continue
		case "buildmode":
			if a.Value != "exe" && a.Value != "pie" {
				return nil, refuse("the linker is called with -buildmode=%s", a.Value)
			}
		}
		flags = append(flags, a.Words...)
	}
	// With a build ID of Go's on another program, go build would later take that for its own and keep it.
	if id != "" && !strings.HasPrefix(id, "hotreload/") {
		return nil, refuse("the program has a build ID that is not hotreload's")
	}
	return append(flags, "-buildid="+id), nil
}
