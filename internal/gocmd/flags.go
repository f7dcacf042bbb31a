package gocmd

import (
	"fmt"
	"slices"
	"strings"
)

// Trait is something that is true of a flag.
type Trait uint8

const (
	// Switch: the value, if there is one, is in the same word. The next word is not part of the flag.
	Switch Trait = 1 << iota
	// Inputs: the flag can decide which files, packages or modules a program is built from, or go list at least checks it
	// as go build does. So go list gets it. The others would be refused by go list, or mean something else to it: -json is
	// its own, -n and -x mix commands into its output, -toolexec starts the user's program, and -cover only adds packages of
	// the standard library.
	Inputs
	// Noisy: go build prints more than complaints.
	Noisy
	// Setting: `hotreload init` keeps the flag when it translates a command, in build.flags. Those that have a setting of their
	// own (-o, -race, -tags), those that only print (-v, -x), and those with which go build does something else than
	// leave a program (-n, -json, -work, -C, -debug-*) are not settings.
	Setting
	// Chatter: `hotreload init` drops the flag, because nothing of its effect is of use to a session.
	Chatter
)

// Flag is what is known of one flag.
type Flag struct {
	Name   string
	Traits Trait
	// Direct are the values with which the direct engine still makes the program of go build: its arguments for the compiler
	// and the linker say all that the flag means. With no values, or another one, go build makes the program.
	Direct []string
}

// AllowsDirect says whether the direct engine may build with that value of the flag.
func (f Flag) AllowsDirect(value string) bool {
	return slices.Contains(f.Direct, anything) || slices.Contains(f.Direct, value)
}

const anything = "*"

var (
	anyValue = []string{anything}
	yesOrNo  = []string{"true", "false"}
)

// Flags is a table of flags.
type Flags []Flag

// Build are the flags of go build, those of older versions included: work.AddBuildFlags, base.AddBuildFlagsNX,
// base.AddModFlag, base.AddModCommonFlags, work.AddCoverFlags (Go 1.26).
var Build = Flags{
	{Name: "C"},
	{Name: "a", Traits: Switch | Setting},
	{Name: "asan", Traits: Switch | Inputs | Setting},
	{Name: "asmflags", Traits: Inputs | Setting, Direct: anyValue},
	{Name: "buildmode", Traits: Inputs | Setting, Direct: []string{"default", "exe", "pie"}},
	{Name: "buildvcs", Traits: Switch | Inputs | Setting, Direct: []string{"false"}},
	{Name: "compiler", Traits: Inputs | Setting, Direct: []string{"gc"}},
	{Name: "cover", Traits: Switch | Setting},
	{Name: "covermode", Traits: Setting},
	{Name: "coverpkg", Traits: Setting},
	{Name: "debug-actiongraph"},
	{Name: "debug-runtime-trace"},
	{Name: "debug-trace"},
	{Name: "gccgoflags", Traits: Inputs | Setting},
	{Name: "gcflags", Traits: Inputs | Setting, Direct: anyValue},
	{Name: "i", Traits: Switch | Chatter}, // gone since Go 1.20
	{Name: "installsuffix", Traits: Inputs | Setting},
	{Name: "json", Traits: Switch},
	{Name: "ldflags", Traits: Inputs | Setting, Direct: anyValue},
	{Name: "linkshared", Traits: Switch | Inputs | Setting},
	{Name: "mod", Traits: Inputs | Setting, Direct: []string{"readonly", "vendor", "mod"}},
	{Name: "modcacherw", Traits: Switch | Inputs | Setting, Direct: yesOrNo},
	{Name: "modfile", Traits: Inputs | Setting},
	{Name: "msan", Traits: Switch | Inputs | Setting},
	{Name: "n", Traits: Switch},
	{Name: "o"},
	{Name: "overlay", Traits: Inputs | Setting},
	{Name: "p", Traits: Setting, Direct: anyValue},
	{Name: "pgo", Traits: Inputs | Setting, Direct: []string{"off"}},
	{Name: "pkgdir", Traits: Inputs | Setting},
	{Name: "race", Traits: Switch | Inputs, Direct: yesOrNo},
	{Name: "tags", Traits: Inputs, Direct: anyValue},
	{Name: "toolexec", Traits: Setting},
	{Name: "trimpath", Traits: Switch | Inputs | Setting, Direct: yesOrNo},
	{Name: "v", Traits: Switch | Noisy | Chatter},
	{Name: "work", Traits: Switch | Noisy},
	{Name: "x", Traits: Switch | Noisy | Chatter},
}

// Compile are the flags of the compiler that only change what is compiled, and print and write nothing else. One that is
// missing here may mean anything.
var Compile = tool("B C N complete dwarf dwarflocationlists dynlink e l nolocalimports pack race shared smallframes std wb",
	"D buildid c embedcfg goversion importcfg installsuffix lang o p spectre trimpath")

// Link are those of the linker.
var Link = tool("aslr bindnow compressdwarf d race s w",
	"H I X buildid buildmode checklinkname extar extld extldflags importcfg installsuffix linkmode o")

func tool(switches, valued string) (t Flags) {
	for _, name := range strings.Fields(switches) {
		t = append(t, Flag{Name: name, Traits: Switch})
	}
	for _, name := range strings.Fields(valued) {
		t = append(t, Flag{Name: name})
	}
	return t
}

// Arg is a flag as it was given.
type Arg struct {
	Flag            // what is known of it
	Known    bool   // it is in the table
	Value    string // "" if there is none
	HasValue bool
	Words    []string // as they were written: one, or two ("-tags", "x")
}

// Is says whether the flag is known and has the trait.
func (a Arg) Is(t Trait) bool { return a.Traits&t != 0 }

// Complete says whether the flag is known and has the value that it needs.
func (a Arg) Complete() bool { return a.Known && (a.HasValue || a.Is(Switch)) }

// Parse reads flags as package flag does: one dash or two, the value behind "=" or, if the flag is no switch, in the next
// word, which may begin with a dash. A flag that is not in the table takes the next word as its value if that does not
// look like a flag. rest begins with the first word that is no flag.
func (t Flags) Parse(words []string) (args []Arg, rest []string) {
	for len(words) > 0 {
		a, ok := t.next(words)
		if !ok {
			break
		}
		args = append(args, a)
		words = words[len(a.Words):]
	}
	return args, words
}

func (t Flags) next(words []string) (a Arg, ok bool) {
	w := words[0]
	name := strings.TrimPrefix(strings.TrimPrefix(w, "-"), "-")
	if !strings.HasPrefix(w, "-") || name == "" || name[0] == '-' || name[0] == '=' {
		return a, false
	}
	name, a.Value, a.HasValue = strings.Cut(name, "=")
	a.Flag.Name, a.Words = name, words[:1]
	if i := slices.IndexFunc(t, func(f Flag) bool { return f.Name == name }); i >= 0 {
		a.Flag, a.Known = t[i], true
	}
	if !a.HasValue && len(words) > 1 && !a.Is(Switch) && (a.Known || !strings.HasPrefix(words[1], "-")) {
		a.Value, a.HasValue, a.Words = words[1], true, words[:2]
	}
	return a, true
}

// ParseGOFLAGS reads the value of GOFLAGS, where each word is one flag: no value follows as the next word. With an
// error, args are those before it.
func ParseGOFLAGS(value string) (args []Arg, err error) {
	words, err := Split(value)
	if err != nil {
		return nil, err
	}
	for i := range words {
		more, rest := Build.Parse(words[i : i+1])
		if len(rest) > 0 {
			return args, fmt.Errorf("%q is not a build flag", rest[0])
		}
		args = append(args, more...)
	}
	return args, nil
}

// Tags reads a value of -tags: "a,b", and "a b" as Go 1.12 had it.
func Tags(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '\'' || r == '"' || strings.ContainsRune(spaces, r) })
}
