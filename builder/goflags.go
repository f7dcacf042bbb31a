package builder

import (
	"fmt"
	"go/version"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// buildFlags is how go build is called, besides -o and the package.
type buildFlags struct {
	args    []string
	own     string // that of flags which holds the build ID of this program alone; empty if other programs cannot be built with it
	overlay string // the user's -overlay
	json    bool   // go build -json, which says which package a message is about (since Go 1.24)
	noisy   bool   // it prints more than complaints (-x, -v)
}

// checkFlags refuses flags with which go build would not leave a program to run.
func checkFlags(words []string) error {
	flags, rest := gocmd.Build.Parse(words)
	if len(rest) > 0 {
		return advice.With(fmt.Errorf("%q is not a build flag", rest[0]), "build flags begin with a dash; the package is set separately")
	}
	for _, f := range flags {
		if err := checkFlag(f, ""); err != nil {
			return err
		}
	}
	return nil
}

func checkFlag(f gocmd.Arg, where string) error {
	switch f.Name {
	case "o":
		return advice.With(fmt.Errorf("the build flag -o%s cannot be used: hotreload names each binary itself", where),
			"to write the binary elsewhere, use a build command and its output")
	case "n":
		if f.Value != "false" {
			return advice.With(fmt.Errorf("the build flag -n%s cannot be used: it only prints commands", where), "use -x to see them while they run")
		}
	case "C":
		return advice.With(fmt.Errorf("the build flag -C%s cannot be used: the directory of the build is already set", where),
			"set the directory of the project, or name the package by its path")
	case "buildmode":
		if f.Value != "default" && f.Value != "exe" && f.Value != "pie" {
			return advice.With(fmt.Errorf("-buildmode=%s%s does not produce a program that can be run", f.Value, where), "use exe or pie")
		}
	case "h", "help":
		return fmt.Errorf("the build flag -%s%s builds nothing", f.Name, where)
	}
	return nil
}

// chooseFlags merges the development defaults with the flags of the user and of GOFLAGS:
//
//   - -buildvcs=false: a stamp would make every commit a different program
//   - -pgo=off: a profile costs compile time for speed that a development build can miss
//   - -ldflags=-w: no DWARF, which is a quarter of the time of a link; where it is
//     wanted, -compressdwarf=false is worth a seventh
//   - -ldflags=-buildid=hotreload/NAME: equal programs are equal bytes. The usual build ID
//     holds the hash of main's sources, so a comment would make a different program. (In a
//     file that imports "C" it still does: cgo names symbols by a hash of the file.) With an
//     empty one programs for macOS have no LC_UUID, and macOS 26 does not run them.
//
// What the user says explicitly wins. A relaxed GOGC is not among the defaults: medians
// of 25 runs were 0..6 % shorter with 400 (7..9 % with off), for 9..14 % more memory of the
// largest process on programs of 60 and 306 packages: no clear gain, and unsafe for big ones.
func chooseFlags(o Options, t toolchain, linker string) (buildFlags, error) {
	user, _ := gocmd.Build.Parse(o.Flags)         // complete has refused words that are no flags
	inherited, _ := gocmd.ParseGOFLAGS(t.goflags) // go build complains about GOFLAGS that cannot be parsed
	for _, f := range inherited {
		if err := checkFlag(f, " in GOFLAGS"); err != nil {
			return buildFlags{}, err
		}
	}
	both := slices.Concat(inherited, user)
	given := func(name string) bool {
		return slices.ContainsFunc(both, func(f gocmd.Arg) bool { return f.Name == name })
	}

	var p buildFlags
	p.json = t.since("go1.24") && !given("json")
	p.overlay = lastOverlay(both)
	p.noisy = slices.ContainsFunc(both, func(f gocmd.Arg) bool { return f.Is(gocmd.Noisy) })
	if t.since("go1.18") && !given("buildvcs") {
		p.args = append(p.args, "-buildvcs=false")
	}
	if t.since("go1.20") && !given("pgo") {
		p.args = append(p.args, "-pgo=off")
	}
	if o.Race {
		p.args = append(p.args, "-race")
	}
	if tags := mergeTags(o.Tags, inherited, user); tags != "" {
		p.args = append(p.args, "-tags="+tags)
	}
	id := buildID(o.Name)
	ld := mergeLdflags(o.DWARF, linker, id, both)
	if len(ld) == 1 && groupable(o) {
		p.own = ld[0]
		// The last -ldflags is the one that go build records in the program. So a program is the same, built alone or with
		// others, this one is the same for all of them, and for no package of theirs.
		ld = append(ld, "-ldflags=std="+strings.Replace(strings.TrimPrefix(ld[0], "-ldflags="), id, "hotreload", 1))
	}
	p.args = append(p.args, ld...)
	for _, f := range user {
		if f.Name != "ldflags" && f.Name != "tags" {
			p.args = append(p.args, f.Words...)
		}
	}
	return p, nil
}

// buildID is the constant ID that programs of that name are linked with. It does not have the form of
// Go's own, with which the go command would treat the program as its own.
func buildID(name string) string {
	return "hotreload/" + strings.Map(func(r rune) rune {
		if strings.ContainsRune("-._", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
}

// mergeTags returns the union. For go build the last -tags would replace all others, so
// a tag in the settings would silently switch off those of GOFLAGS.
func mergeTags(tags []string, flags ...[]gocmd.Arg) string {
	var lists []string
	for _, f := range slices.Concat(flags...) {
		if f.Name == "tags" {
			lists = append(lists, f.Value)
		}
	}
	var all []string
	for _, list := range append(lists, tags...) {
		for _, tag := range gocmd.Tags(list) {
			if !slices.Contains(all, tag) {
				all = append(all, tag)
			}
		}
	}
	return strings.Join(all, ",")
}

// mergeLdflags returns -ldflags for the program: ours, and every one of the user's. Of all
// -ldflags whose pattern matches a package, go build lets the last one alone count, and
// those on the command line come after GOFLAGS. So each is given again, in order, with
// ours and those before it (but for other patterns) in front: whichever counts has all,
// and as the linker takes the last of equal flags, the user wins over us, and the
// command line over GOFLAGS. An empty value drops what came before it, as for go build.
func mergeLdflags(dwarf bool, linker, id string, flags []gocmd.Arg) []string {
	ours := "-w -buildid=" + id
	if dwarf {
		ours = "-compressdwarf=false -buildid=" + id
	}
	type entry struct{ pattern, value string }
	entries := []entry{{"", ""}}
	users := ""
	for _, f := range flags {
		if f.Name != "ldflags" {
			continue
		}
		e := entry{value: strings.Trim(f.Value, spaces)}
		if e.value != "" && e.value[0] != '-' {
			i := strings.Index(e.value, "=")
			if i <= 0 {
				return []string{"-ldflags=" + f.Value} // wrong: go build says why
			}
			e.pattern, e.value = e.value[:i], e.value[i+1:]
		}
		if _, err := gocmd.Split(e.value); err != nil {
			return []string{"-ldflags=" + f.Value}
		}
		switch {
		case e.pattern != "":
			e.value = join(users, e.value)
		case e.value == "":
			users = ""
		default:
			users = join(users, e.value)
			e.value = users
		}
		if last := &entries[len(entries)-1]; last.pattern == "" && e.pattern == "" {
			*last = e // would never count
			continue
		}
		entries = append(entries, e)
	}
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = "-ldflags=" + join(ours, withLinker(linker, e.value))
		if e.pattern != "" {
			out[i] = "-ldflags=" + e.pattern + "=" + join(ours, withLinker(linker, e.value))
		}
	}
	return out
}

// spaces are where the go command cuts.
const spaces = " \t\n\r"

func join(a, b string) string { return strings.Trim(a+" "+b, spaces) }

// withLinker adds the external linker to a value of -ldflags: to -extldflags where the
// user has it, for the linker knows only the last one, unless a linker is chosen there.
func withLinker(linker, value string) string {
	if linker == "" {
		return value
	}
	fuse := "-fuse-ld=" + linker
	words, err := gocmd.Split(value)
	if err != nil {
		return value
	}
	last := -1
	for i, w := range words {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(w, "-"), "-"), "=")
		switch {
		case !strings.HasPrefix(w, "-"):
		case name == "extld":
			return value // another compiler than the one that was asked
		case name == "extldflags":
			last = i
		}
	}
	switch {
	case last < 0:
		return join("-extldflags="+fuse, value)
	case !strings.Contains(words[last], "="):
		if last++; last == len(words) {
			return value
		}
	}
	if strings.Contains(words[last], "-fuse-ld") {
		return value
	}
	words[last] += " " + fuse
	merged, err := gocmd.Join(words)
	if err != nil {
		return value
	}
	return merged
}

// since reports whether the toolchain is at least that version. Development versions
// ("devel go1.27-...") and unknown ones count as new.
func (t toolchain) since(v string) bool {
	return !version.IsValid(t.version) || version.Compare(t.version, v) >= 0
}
