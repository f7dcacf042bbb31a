// Package envfile reads files of NAME=value lines, such as .env. They hold secrets, so an error
// says where a mistake is and what was expected, but never what is written there.
//
// The values are godotenv's. Its errors quote the rest of the file and have no line number. So
// this package walks the same grammar first, only to find mistakes.
package envfile

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/joho/godotenv"

	"github.com/hotreload/hotreload/internal/files"
)

// Error is why a file cannot be used.
type Error struct {
	Line    int    // from 1; 0 if it concerns the whole file
	Message string // what was expected; nothing of what is written there
	cause   error
}

// Error is "3: message", to be printed after "file:", or only "message".
func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%d: %s", e.Line, e.Message)
	}
	return " " + e.Message
}

// Unwrap gives the error of the system below, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// maxValue is the longest NAME=value, in bytes, with which Linux starts a program, and maxAll
// what all of them may have. A few lines that name each other could fill the memory.
const (
	maxValue = 128<<10 - 1
	maxAll   = 2 << 20
)

// reference is what godotenv replaces by the value of a variable.
var reference = regexp.MustCompile(`\$\(?\{?([A-Z0-9_]+)`)

// Read returns the variables of a file. An error is an *Error; fs.ErrNotExist is found in it
// if there is no such file.
func Read(path string) (map[string]string, error) {
	data, err := files.Read(path, files.MaxConfig)
	if err != nil {
		return nil, &Error{Message: err.Error(), cause: err}
	}
	return parse(data)
}

func parse(data []byte) (map[string]string, error) {
	data, err := files.Text(data)
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, &Error{Line: lineAt(data, i), Message: "there is a NUL byte, which cannot be passed to a program: save the file as UTF-8"}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	lines, err := walk(data)
	if err != nil {
		return nil, err
	}
	values, parseErr := godotenv.UnmarshalBytes(data)
	if parseErr != nil {
		return nil, &Error{Message: "is not a list of NAME=value lines"} // its own words would quote them
	}
	for name, value := range values {
		if len(name)+1+len(value) > maxValue {
			return nil, tooLong(lines[name])
		}
	}
	return values, nil
}

func tooLong(line int) error {
	return &Error{Line: line, Message: "the value is too long: no program can be started with it"}
}

func lineAt(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }

// walk returns the line of each variable, or the first mistake.
func walk(data []byte) (lines map[string]int, err error) {
	lines = map[string]int{}
	sizes, all := map[string]int{}, 0
	multi := 0 // line of a quote that was closed on a later line, the one that is looked at
	for at, line := 0, 1; ; {
		start, more := statement(data, at)
		if !more {
			return lines, nil
		}
		if passed := bytes.Count(data[at:start], []byte("\n")); passed > 0 {
			line, multi = line+passed, 0
		}
		name, after, ok := nameOf(data[start:])
		switch {
		case !ok && multi > 0:
			return nil, &Error{Line: multi, Message: fmt.Sprintf("the quote that is opened here is closed in line %d, and what follows it there is not NAME=value", line)}
		case !ok:
			return nil, &Error{Line: line, Message: "expected NAME=value, a name of letters, digits, _ and ."}
		case name == "":
			return nil, &Error{Line: line, Message: "expected a name before the ="}
		}
		lines[name] = line
		end, closed := valueEnd(data[start+after:])
		if !closed {
			return nil, &Error{Line: line, Message: "the quote that is opened here is not closed"}
		}
		at = start + after + end
		value := data[start+after : at]
		size := len(value)
		for _, m := range reference.FindAllSubmatch(value, -1) {
			size += sizes[string(m[1])]
		}
		sizes[name], all = size, all+size
		if size > maxValue || all > maxAll {
			return nil, tooLong(line)
		}
		if passed := bytes.Count(data[start:at], []byte("\n")); passed > 0 {
			line, multi = line+passed, line
		}
	}
}

// statement is where the next NAME begins, behind blank lines and comments.
func statement(data []byte, at int) (start int, more bool) {
	for {
		i := bytes.IndexFunc(data[at:], func(r rune) bool { return !unicode.IsSpace(r) })
		if i < 0 {
			return 0, false
		}
		if at += i; data[at] != '#' {
			return at, true
		}
		if i = bytes.IndexByte(data[at:], '\n'); i < 0 {
			return 0, false
		}
		at += i
	}
}

// nameOf is the name at the beginning of the text; after is where its value begins.
func nameOf(text []byte) (name string, after int, ok bool) {
	begin := 0
	if rest, is := bytes.CutPrefix(text, []byte("export")); is && bytes.IndexFunc(rest, isSpace) == 0 {
		begin = len(text) - len(bytes.TrimLeftFunc(rest, isSpace))
	}
	for i := begin; i < len(text); i++ {
		switch r := rune(text[i]); {
		case r == '=' || r == ':':
			name = strings.TrimRightFunc(string(text[begin:i]), unicode.IsSpace)
			return name, len(text) - len(bytes.TrimLeftFunc(text[i+1:], isSpace)), true
		case !isSpace(r) && r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsNumber(r):
			return "", 0, false
		}
	}
	return "", 0, false
}

// valueEnd is where the value at the beginning of the text ends.
func valueEnd(text []byte) (end int, closed bool) {
	if len(text) == 0 || text[0] != '"' && text[0] != '\'' {
		if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
			return i, true
		}
		return len(text), true
	}
	for i := 1; i < len(text); i++ {
		if text[i] == text[0] && text[i-1] != '\\' {
			return i + 1, true
		}
	}
	return 0, false
}

// isSpace is what godotenv takes for a space within a line.
func isSpace(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}
	return false
}
