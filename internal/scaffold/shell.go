package scaffold

import (
	"path"
	"regexp"
	"slices"
	"strings"
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

// Flags of go build whose value is a word of its own.
var valueFlags = []string{"asmflags", "buildmode", "compiler", "gccgoflags", "gcflags", "installsuffix", "ldflags", "mod", "modfile", "overlay", "p", "pgo", "pkgdir", "toolexec", "covermode", "coverpkg"}

var boolFlags = []string{"a", "asan", "cover", "linkshared", "modcacherw", "msan", "trimpath", "buildvcs"}

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
	var pkgs []string
	for i := 2; i < len(w); i++ {
		arg := w[i]
		if !strings.HasPrefix(arg, "-") || len(pkgs) > 0 {
			pkgs = append(pkgs, arg)
			continue
		}
		name, value, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		next := func() bool {
			if has {
				return true
			}
			if i++; i >= len(w) {
				return false
			}
			value = w[i]
			return true
		}
		switch {
		case name == "o":
			if !next() {
				return b, false
			}
			b.output = value
		case name == "tags":
			if !next() {
				return b, false
			}
			b.tags = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		case name == "race" && (!has || value == "true"):
			b.race = true
		case (name == "v" || name == "x" || name == "i") && !has:
			// What they print is of no use here; -i is gone from Go.
		case slices.Contains(boolFlags, name):
			b.flags = append(b.flags, strings.TrimPrefix(arg, "-"))
			b.flags[len(b.flags)-1] = "-" + strings.TrimLeft(arg, "-")
		case slices.Contains(valueFlags, name):
			if !next() {
				return b, false
			}
			b.flags = append(b.flags, "-"+name+"="+value)
			b.dwarf = b.dwarf || name == "gcflags" && strings.Contains(value, "-N")
		default:
			return b, false
		}
	}
	switch {
	case len(pkgs) == 0:
		b.pkg = "."
	case strings.HasSuffix(pkgs[0], ".go"):
		b.pkg, b.files = path.Dir(pkgs[0]), true
		for _, p := range pkgs {
			if !strings.HasSuffix(p, ".go") || path.Dir(p) != b.pkg {
				return b, false
			}
		}
		if b.pkg != "." && !path.IsAbs(b.pkg) && !strings.HasPrefix(b.pkg, "../") {
			b.pkg = "./" + path.Clean(b.pkg)
		}
	case len(pkgs) == 1 && !strings.HasSuffix(pkgs[0], "..."):
		b.pkg = pkgs[0]
		if b.pkg == "./" {
			b.pkg = "."
		}
	default:
		return b, false
	}
	return b, true
}
