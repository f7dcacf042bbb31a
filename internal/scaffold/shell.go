package scaffold

import (
	"path"
	"regexp"
	"strings"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// words splits a command line as a shell would, if no more than quotes is needed for it.
// Anything a shell would expand, redirect or combine makes it false: such a line is left
// to the shell.
func words(line string) (out []string, plain bool) {
	var word strings.Builder
	started := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t':
			if started {
				out = append(out, word.String())
				word.Reset()
				started = false
			}
		case '\'', '"':
			end := strings.IndexByte(line[i+1:], c)
			if end < 0 {
				return nil, false
			}
			quoted := line[i+1 : i+1+end]
			if c == '"' && strings.ContainsAny(quoted, "$`\\") {
				return nil, false
			}
			word.WriteString(quoted)
			started = true
			i += end + 1
		case '~', '#':
			if !started {
				return nil, false
			}
			word.WriteByte(c)
		case '$', '`', '\\', '|', '&', ';', '<', '>', '(', ')', '*', '?', '[', ']', '{', '}', '\n':
			return nil, false
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if started {
		out = append(out, word.String())
	}
	return out, true
}

// steps splits "a && b && c" outside of quotes and parentheses.
func steps(line string) []string {
	var out []string
	start, depth := 0, 0
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			} else if c == '\\' && quote == '"' {
				i++
			}
		case c == '\\':
			i++
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '&' && depth == 0 && strings.HasPrefix(line[i:], "&&"):
			out = append(out, strings.TrimSpace(line[start:i]))
			i++
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(line[start:]))
}

// What one step does to the shell that runs the next, so that they cannot be taken apart.
var changesShell = regexp.MustCompile(`(^|[\s;&|(])(cd|export|set|unset|source|\.|pushd|umask|ulimit|alias|eval|exec|trap|if|for|while|case)(\s|$)|^[A-Za-z_][A-Za-z0-9_]*=\S*$`)

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// assignments takes leading NAME=value words off.
func assignments(line []string) (env map[string]string, rest []string) {
	env = map[string]string{}
	if len(line) > 0 && line[0] == "env" {
		line = line[1:]
	}
	for len(line) > 0 && assignment.MatchString(line[0]) {
		name, value, _ := strings.Cut(line[0], "=")
		env[name] = value
		line = line[1:]
	}
	return env, line
}

// goBuild is a go build command taken apart.
type goBuild struct {
	before []string // what runs before it
	env    map[string]string
	flags  []string
	tags   []string
	race   bool
	dwarf  bool // the flags ask for a debugger
	output string
	pkg    string
	files  bool // the package was given as files
}

// parseGoBuild understands `go build` with constant arguments, after steps that do not
// depend on the same shell. Everything else stays a command.
func parseGoBuild(line string) (b goBuild, ok bool) {
	all := steps(line)
	last := all[len(all)-1]
	b.before = all[:len(all)-1]
	for _, s := range b.before {
		if s == "" || changesShell.MatchString(s) {
			return b, false
		}
	}
	w, plain := words(last)
	if !plain {
		return b, false
	}
	b.env, w = assignments(w)
	if len(w) < 2 || w[0] != "go" || w[1] != "build" {
		return b, false
	}
	flags, packages := gocmd.Build.Parse(w[2:])
	for _, f := range flags {
		if !b.flag(f) {
			return b, false
		}
	}
	return b, b.named(packages)
}

// flag takes in a flag of go build, and says whether it can be a setting.
func (b *goBuild) flag(f gocmd.Arg) bool {
	if !f.Complete() {
		return false
	}
	switch {
	case f.Name == "o":
		b.output = f.Value
	case f.Name == "tags":
		b.tags = gocmd.Tags(f.Value)
	case f.Name == "race" && (!f.HasValue || f.Value == "true"):
		b.race = true
	case f.Is(gocmd.Chatter) && !f.HasValue:
	case !f.Is(gocmd.Setting):
		return false
	case f.HasValue:
		b.flags = append(b.flags, "-"+f.Name+"="+f.Value)
		b.dwarf = b.dwarf || f.Name == "gcflags" && strings.Contains(f.Value, "-N")
	default:
		b.flags = append(b.flags, "-"+f.Name)
	}
	return true
}

// named takes in what go build is to build, and says whether it is one package.
func (b *goBuild) named(packages []string) bool {
	switch {
	case len(packages) == 0:
		b.pkg = "."
	case strings.HasPrefix(packages[0], "-"):
		return false // go build would refuse it
	case strings.HasSuffix(packages[0], ".go"):
		b.pkg, b.files = path.Dir(packages[0]), true
		for _, p := range packages {
			if !strings.HasSuffix(p, ".go") || path.Dir(p) != b.pkg {
				return false
			}
		}
		if b.pkg != "." && !path.IsAbs(b.pkg) && !strings.HasPrefix(b.pkg, "../") {
			b.pkg = "./" + path.Clean(b.pkg)
		}
	case len(packages) == 1 && !strings.HasSuffix(packages[0], "..."):
		b.pkg = packages[0]
		if b.pkg == "./" {
			b.pkg = "."
		}
	default:
		return false
	}
	return true
}
