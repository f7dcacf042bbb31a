package direct

import (
	"path/filepath"
	"strconv"
	"strings"
)

// script is what `go build -n -a` has printed: for every package of the program, in a directory $WORK/bNNN of its own, the
// files that are written and the commands that are run.
type script struct {
	compile map[string]tool   // by bNNN
	link    tool              // of the program
	files   map[string]string // "$WORK/b001/importcfg" -> text
	other   map[string]string // by bNNN: a command there that is more than one compilation
}

// tool is a command with the variables that are set for it alone.
type tool struct {
	env  []string
	argv []string
}

const workDir = "$WORK"

// parseScript understands the text, or refuses it. dir is where the go command ran: it prints " ." for " "+dir.
func parseScript(text, dir string) (*script, error) {
	s := &script{compile: map[string]tool{}, files: map[string]string{}, other: map[string]string{}}
	lines := strings.Split(text, "\n")
	at := "" // where the last cd went
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.HasPrefix(line, "cd "):
			at = line[len("cd "):]
			continue
		case strings.HasPrefix(line, "cat >"):
			name, ok := strings.CutSuffix(line[len("cat >"):], " << 'EOF' # internal")
			if !ok {
				return nil, refuse("go build -n printed %q", line)
			}
			var body strings.Builder
			for i++; ; i++ {
				if i == len(lines) {
					return nil, refuse("go build -n printed no end of %s", name)
				}
				// No line of an importcfg or embedcfg ends so.
				if rest, end := strings.CutSuffix(lines[i], "EOF"); end {
					body.WriteString(rest)
					break
				}
				body.WriteString(lines[i] + "\n")
			}
			s.files[name] = body.String()
			continue
		case strings.HasPrefix(line, "echo -n > ") && strings.HasSuffix(line, " # internal"):
			s.files[strings.TrimSuffix(line[len("echo -n > "):], " # internal")] = ""
			continue
		case strings.HasPrefix(line, "echo '") && strings.HasSuffix(line, " # internal"):
			body, name, ok := strings.Cut(strings.TrimSuffix(line[len("echo '"):], " # internal"), "' > ")
			if !ok {
				return nil, refuse("go build -n printed %q", line)
			}
			s.files[name] = body + "\n"
			continue
		case strings.HasPrefix(line, "mkdir -p "), strings.HasPrefix(line, "go tool buildid -w "), strings.HasPrefix(line, "mv "+workDir), strings.HasPrefix(line, "rm -rf "):
			continue
		}
		t, ok := parseTool(strings.TrimSuffix(line, " # internal"))
		if !ok {
			s.markOther(line)
			continue
		}
		switch strings.TrimSuffix(filepath.Base(t.argv[0]), ".exe") {
		case "buildid":
		case "compile":
			odd := at != dir
			for j, a := range t.argv {
				odd = odd || strings.Contains(a, " .") // it may have been a directory
				if strings.HasPrefix(a, ".") {
					t.argv[j] = dir + a[1:]
				}
			}
			if odd {
				s.markOther(line)
				continue
			}
			b := bucket(flagValue(t.argv, "-o"))
			if _, twice := s.compile[b]; twice || b == "" {
				s.markOther(line)
				continue
			}
			s.compile[b] = t
		case "link":
			if s.link.argv != nil {
				return nil, refuse("go build -n links twice")
			}
			s.link = t
		default:
			s.markOther(line)
		}
	}
	if s.link.argv == nil {
		return nil, refuse("go build -n links nothing")
	}
	return s, nil
}

// markOther notes that a command has to do with the packages whose directories it names.
func (s *script) markOther(line string) {
	for rest := line; ; {
		i := strings.Index(rest, workDir+"/")
		if i < 0 {
			return
		}
		if b := bucket(rest[i:]); b != "" {
			s.other[b] = line
		}
		rest = rest[i+len(workDir):]
	}
}

// bucket returns "b001" of "$WORK/b001/_pkg_.a".
func bucket(path string) string {
	rest, ok := strings.CutPrefix(path, workDir+"/b")
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

func flagValue(argv []string, name string) string {
	for i, a := range argv {
		if a == name && i+1 < len(argv) {
			return argv[i+1]
		}
	}
	return ""
}

// parseTool takes a line apart that cmd/go has put together: words separated by one space, quoted as in Go where needed,
// and before them variables as NAME='value' or NAME="value".
func parseTool(line string) (t tool, ok bool) {
	for line != "" {
		word := ""
		name, value, isVar := strings.Cut(line, "=")
		switch {
		case t.argv == nil && isVar && variable(name) && strings.HasPrefix(value, "'"):
			var end bool
			if value, line, end = strings.Cut(value[1:], "'"); !end {
				return t, false
			}
			t.env = append(t.env, name+"="+value)
		case t.argv == nil && isVar && variable(name) && strings.HasPrefix(value, `"`):
			quoted, err := strconv.QuotedPrefix(value)
			if err != nil {
				return t, false
			}
			line = value[len(quoted):]
			value, _ = strconv.Unquote(quoted)
			t.env = append(t.env, name+"="+value)
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return t, false
			}
			line = line[len(quoted):]
			word, _ = strconv.Unquote(quoted)
			t.argv = append(t.argv, word)
		default:
			word, line, _ = strings.Cut(line, " ")
			t.argv = append(t.argv, word)
			continue
		}
		if line != "" && line[0] != ' ' {
			return t, false
		}
		line = strings.TrimPrefix(line, " ")
	}
	return t, len(t.argv) > 0
}

func variable(name string) bool {
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != ""
}
