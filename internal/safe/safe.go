// Package safe is the one border between foreign text and a terminal. Names of files and
// services, source lines, messages of tools and values of the config are written by others: a
// control character in them could set the title, fill the clipboard, hide text or forge a whole
// line. Here they become Text, and hotreload prints only Text.
//
// Escaping wherever something is printed would not be enough: one forgotten place undoes it. With
// a type, the compiler finds that place.
//
// The output of the program itself is not escaped: it passes through byte for byte.
package safe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is what a terminal may get as it is: it holds no control character but the ends of
// our own lines and our own colours. A constant is Text without more ado; every other
// string becomes it by a function of this package.
type Text string

// TabWidth is the number of spaces that replace a tab.
const TabWidth = 4

var tab = strings.Repeat(" ", TabWidth)

// Line is s as a part of one line: control characters, line ends among them, characters that
// are invisible or turn the direction of writing, and bytes that are no UTF-8 appear as Go
// would escape them; a tab is blanks. The result for a part of s, cut between two
// characters, is the part of the result, so columns can be counted.
func Line(s string) Text {
	if clean(s) {
		return Text(s)
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '\t':
			b.WriteString(tab)
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case foreign(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return Text(b.String())
}

func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, foreign)
}

// foreign reports whether a terminal may take a character for something else than a glyph, or
// show nothing for it.
func foreign(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// Block is s with its lines, each as Line has it. Whoever prints it indents the lines after
// the first, so that none can pass for a line of ours.
func Block(s string) Text {
	if clean(s) {
		return Text(s)
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = string(Line(strings.TrimSuffix(l, "\r")))
	}
	return Text(strings.Join(lines, "\n"))
}

// Name is the name of a file or the like, quoted as in Go if anything in it had to be escaped.
func Name(s string) Text {
	if clean(s) {
		return Text(s)
	}
	return Line(strconv.Quote(s))
}

// Sprintf formats as fmt.Sprintf does. The format is ours; every argument becomes a Line,
// unless it is Text already.
func Sprintf(format string, args ...any) Text {
	if false {
		_ = fmt.Sprintf(format, args...) // so that go vet checks the calls
	}
	safe := make([]any, len(args))
	for i, a := range args {
		safe[i] = argument{a}
	}
	return Text(fmt.Sprintf(format, safe...))
}

type argument struct{ value any }

// Format implements fmt.Formatter.
func (a argument) Format(f fmt.State, verb rune) {
	s := fmt.Sprintf(fmt.FormatString(f, verb), a.value)
	if _, ok := a.value.(Text); !ok {
		s = string(Line(s))
	}
	_, _ = io.WriteString(f, s)
}

// Fprintf writes what Sprintf returns.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	if false {
		_ = fmt.Sprintf(format, args...)
	}
	return io.WriteString(w, string(Sprintf(format, args...)))
}

// Indent puts by in front of every line of t but the first.
func Indent(t Text, by string) Text {
	return Text(strings.ReplaceAll(string(t), "\n", "\n"+by))
}

// Join is strings.Join for Text.
func Join(parts []Text, sep Text) Text {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(string(sep))
		}
		b.WriteString(string(p))
	}
	return Text(b.String())
}

// Cut is the part of a line between two columns.
func Cut(t Text, from, to int) Text {
	r := []rune(t)
	from, to = min(from, len(r)), min(to, len(r))
	return Text(r[from:to])
}

// sequences colour a terminal, move its cursor or set its title.
var sequences = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\a\x1b]*(?:\a|\x1b\\)|[@-Z\\-_])`)

// Plain is a text without what a program writes to control a terminal.
func Plain(s string) string { return sequences.ReplaceAllString(s, "") }

// Marshal is v as JSON, with a line end, that a terminal may get as it is. HTML is not
// escaped; indent is that of a level, empty: all is one line.
func Marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(v)
	return JSON(b.Bytes()), err
}

// JSON escapes in an encoded JSON value, where encoding/json does not, what Line escapes:
// the value stays the same.
func JSON(encoded []byte) []byte {
	s := string(encoded)
	if !strings.ContainsFunc(s, foreignInJSON) {
		return encoded
	}
	out := make([]byte, 0, len(encoded)+64)
	for _, r := range s {
		switch {
		case !foreignInJSON(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// foreignInJSON leaves the white space between the values alone; within strings there is none
// that needs it.
func foreignInJSON(r rune) bool { return r >= 0x7f && foreign(r) }
