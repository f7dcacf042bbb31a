package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hotreload/hotreload/internal/safe"
)

// Error is one mistake in a config file or in a --set.
type Error struct {
	Path    string // of the file, or the --set as it was given
	Line    int    // from 1; 0 if it has no place
	Column  int    // from 1, in bytes
	Source  string // the line
	Message string // what is wrong, and what was expected
	Hint    string // what to do; may be empty

	cause error
}

// Error is one line: "file:3:7: message".
func (e *Error) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
	case e.Path != "":
		return e.Path + ": " + e.Message
	}
	return e.Message
}

// Unwrap gives the error of the system below, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Detail is the error over several lines of plain text: the message, the line with a
// caret under the place, and the hint.
func (e *Error) Detail() string {
	t := safe.Line(e.Error())
	if e.Line > 0 {
		number := safe.Sprintf("%d", e.Line)
		before := safe.Line(e.Source[:min(max(e.Column-1, 0), len(e.Source))])
		t += safe.Sprintf("\n  %s | %s\n  %s | %s^", number, e.Source, blanks(number), blanks(before))
	}
	if e.Hint != "" {
		t += "\n  hint: " + safe.Line(e.Hint)
	}
	return string(t)
}

// blanks is blank text as wide as t.
func blanks(t safe.Text) safe.Text {
	return safe.Line(strings.Repeat(" ", utf8.RuneCountInString(string(t))))
}

// Errors are all mistakes found, in the order of the file; never empty.
type Errors []*Error

// Error has one line per mistake.
func (e Errors) Error() string { return e.join((*Error).Error) }

// Detail is Error with the lines of the file, carets and hints.
func (e Errors) Detail() string { return e.join((*Error).Detail) }

// Hint is the hint of the first mistake that has one.
func (e Errors) Hint() string {
	for _, one := range e {
		if one.Hint != "" {
			return one.Hint
		}
	}
	return ""
}

// Unwrap lets errors.Is and errors.As see each mistake.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

func (e Errors) join(text func(*Error) string) string {
	parts := make([]string, len(e))
	for i, one := range e {
		parts[i] = text(one)
	}
	return strings.Join(parts, "\n")
}

func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(e, func(a, b *Error) bool {
		return a.Path == b.Path && a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}

// place is a position in the config. line 0: a flag, whose text is path.
type place struct {
	path, source string
	line, column int
}

func (p place) errorf(hint, format string, args ...any) *Error {
	return &Error{Path: p.path, Line: p.line, Column: p.column, Source: p.source, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// String names the place within a message about another one.
func (p place) String() string {
	if p.line > 0 {
		return fmt.Sprintf("line %d", p.line)
	}
	return p.path
}

func splitLines(data []byte) []string {
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return lines
}

// Nearest is the candidate that a person who typed got probably wanted; "" if none is near.
func Nearest(got string, candidates []string) string { return nearest(got, candidates) }

// nearest is the candidate that a person who typed got probably wanted; "" if none is
// near enough. A third of the letters may differ; a doubled, dropped or swapped letter
// always may.
func nearest(got string, candidates []string) string {
	best, bestDistance := "", 1+max(1, utf8.RuneCountInString(got)/3)
	for _, c := range candidates {
		if c == "" || c == got {
			continue
		}
		if d := distance(strings.ToLower(got), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions, and swaps of neighbours, which is how people mistype.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return 64 // no key is that long; do not spend time on it
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}
