package gocmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Script is what `go build -n -a` prints: for every package of the program, in a directory $WORK/bNNN (its bucket),
// the files that are written and the commands that are run.
type Script struct {
	Compile map[string]Command // by bucket
	Link    Command            // of the program
	Files   map[string]string  // "$WORK/b001/importcfg", as [InWork] writes it -> text
	Other   map[string]string  // by bucket: a command there that is more than one compilation
}

// Command is a command with the variables that are set for it alone.
type Command struct {
	Env  []string
	Argv []string
}

// WorkDir is how the script names the work directory of the go command.
const WorkDir = "$WORK"

// InWork is a name in the work directory with slashes, as it is compared: on Windows the script has $WORK\b001\importcfg.
// Other names stay as they are. What the tools are given is never changed.
func InWork(name string) string {
	if strings.HasPrefix(name, WorkDir+`\`) {
		return strings.ReplaceAll(name, `\`, "/")
	}
	return name
}

// internalMark is behind commands that the go command carries out itself.
const internalMark = " # internal"

// ParseScript understands the text of a script, or reports what it cannot understand. dir is where the go command ran: it
// prints " ." for " "+dir.
func ParseScript(text, dir string) (*Script, error) {
	p := scriptParser{
		Script: Script{Compile: map[string]Command{}, Files: map[string]string{}, Other: map[string]string{}},
		lines:  strings.Split(text, "\n"), dir: dir,
	}
	for len(p.lines) > 0 {
		line := p.lines[0]
		p.lines = p.lines[1:]
		done, err := p.shell(line)
		if err == nil && !done {
			err = p.command(line)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.Link.Argv == nil {
		return nil, errors.New("go build -n links nothing")
	}
	return &p.Script, nil
}

type scriptParser struct {
	Script
	lines []string // that follow
	dir   string
	at    string // where the last cd went
}

// shell takes in a line that runs none of Go's tools. done is false for other lines.
func (p *scriptParser) shell(line string) (done bool, err error) {
	internal, isInternal := strings.CutSuffix(line, internalMark)
	switch {
	case line == "" || line[0] == '#':
	case strings.HasPrefix(line, "cd "):
		p.at = line[len("cd "):]
	case strings.HasPrefix(line, "cat >"):
		return true, p.document(line)
	case strings.HasPrefix(line, "echo -n > ") && isInternal:
		p.Files[InWork(internal[len("echo -n > "):])] = ""
	case strings.HasPrefix(line, "echo '") && isInternal:
		body, name, ok := strings.Cut(internal[len("echo '"):], "' > ")
		if !ok {
			return true, fmt.Errorf("go build -n printed %q", line)
		}
		p.Files[InWork(name)] = body + "\n"
	case strings.HasPrefix(line, "mkdir -p "), strings.HasPrefix(line, "go tool buildid -w "),
		strings.HasPrefix(line, "mv "+WorkDir), strings.HasPrefix(line, "rm -rf "):
	default:
		return false, nil
	}
	return true, nil
}

// document takes in a file that is written by a here-document, up to its end.
func (p *scriptParser) document(line string) error {
	name, ok := strings.CutSuffix(line[len("cat >"):], " << 'EOF'"+internalMark)
	if !ok {
		return fmt.Errorf("go build -n printed %q", line)
	}
	var body strings.Builder
	for i, l := range p.lines {
		// No line of an importcfg or embedcfg ends so.
		if rest, end := strings.CutSuffix(l, "EOF"); end {
			p.Files[InWork(name)] = body.String() + rest
			p.lines = p.lines[i+1:]
			return nil
		}
		body.WriteString(l + "\n")
	}
	return fmt.Errorf("go build -n printed no end of %s", name)
}

// command takes in a line that runs a tool.
func (p *scriptParser) command(line string) error {
	c, ok := parseCommand(strings.TrimSuffix(line, internalMark))
	if !ok {
		p.markOther(line)
		return nil
	}
	switch toolName(c.Argv[0]) {
	case "buildid":
	case "compile":
		b := Bucket(FlagValue(c.Argv, "-o"))
		_, twice := p.Compile[b]
		if whole := p.wholeNames(c.Argv); !whole || twice || b == "" {
			p.markOther(line)
			break
		}
		p.Compile[b] = c
	case "link":
		if p.Link.Argv != nil {
			return errors.New("go build -n links twice")
		}
		p.Link = c
	default:
		p.markOther(line)
	}
	return nil
}

// toolName is "compile" of /tool/compile and of C:\tool\compile.exe.
func toolName(path string) string {
	return strings.TrimSuffix(path[strings.LastIndexAny(path, `/\`)+1:], ".exe")
}

// wholeNames writes the names out that the go command shortened, and says whether all of them are certain.
func (p *scriptParser) wholeNames(argv []string) bool {
	certain := p.at == p.dir
	for i, a := range argv {
		certain = certain && !strings.Contains(a, " .") // it may have been a directory
		if strings.HasPrefix(a, ".") {
			argv[i] = p.dir + a[1:]
		}
	}
	return certain
}

// markOther notes that a command has to do with the packages whose directories it names.
func (p *scriptParser) markOther(line string) {
	// Quoted as in Go, a backslash is two.
	for rest := strings.ReplaceAll(line, `\\`, `\`); ; {
		i := strings.Index(rest, WorkDir)
		if i < 0 {
			return
		}
		if b := Bucket(rest[i:]); b != "" {
			p.Other[b] = line
		}
		rest = rest[i+len(WorkDir):]
	}
}

// Bucket returns "b001" of "$WORK/b001/_pkg_.a", and of "$WORK\b001\_pkg_.a".
func Bucket(path string) string {
	rest, ok := strings.CutPrefix(InWork(path), WorkDir+"/b")
	if !ok {
		return ""
	}
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == 0 {
		return ""
	}
	return "b" + rest[:n]
}

// FlagValue is the word behind the first one that is name, as in "-o FILE".
func FlagValue(argv []string, name string) string {
	for i, a := range argv {
		if a == name && i+1 < len(argv) {
			return argv[i+1]
		}
	}
	return ""
}

// PackageFile reads a line of an importcfg that names a compiled package.
func PackageFile(line string) (name, archive string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "packagefile ")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "=")
}

// parseCommand takes a line apart that cmd/go has put together: words separated by one space, quoted as in Go where needed,
// and before them variables as NAME='value' or NAME="value".
func parseCommand(line string) (c Command, ok bool) {
	for line != "" {
		rest, whole := "", false
		var word string
		switch name, value, _ := strings.Cut(line, "="); {
		case c.Argv == nil && variable(name) && value != "" && (value[0] == '\'' || value[0] == '"'):
			word, rest, whole = cutQuoted(value)
			c.Env = append(c.Env, name+"="+word)
		case line[0] == '"':
			word, rest, whole = cutQuoted(line)
			c.Argv = append(c.Argv, word)
		default:
			word, line, _ = strings.Cut(line, " ")
			c.Argv = append(c.Argv, word)
			continue
		}
		if !whole || rest != "" && rest[0] != ' ' {
			return c, false
		}
		line = strings.TrimPrefix(rest, " ")
	}
	return c, len(c.Argv) > 0
}

// cutQuoted parts a text in ' or " from what is behind it. Only " has escapes, those of Go.
func cutQuoted(s string) (text, rest string, ok bool) {
	if s[0] == '\'' {
		return strings.Cut(s[1:], "'")
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err == nil
}

func variable(name string) bool {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != ""
}
