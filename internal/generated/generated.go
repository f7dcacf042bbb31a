// Package generated finds the source of generated code, because an error in such code has to be
// fixed in its source. So far it knows templ.
//
// It reads the comments and the text that the generator leaves in its code. Generating the code
// again, to see which line becomes which, would need the same version of the generator.
package generated

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// marked is where templ says in its code which line of the .templ file an expression comes from.
var marked = regexp.MustCompile("FileName: (?:`([^`]+)`|\"([^\"]+)\"), Line: (\\d+), Col: (\\d+)")

// Source is the place in a .templ file from which a line of its _templ.go was generated. templ
// names it a few lines below each expression. Code that it copies as it is (imports, functions) is
// found by its text, if that is there once.
func Source(file string, line int) (source string, at, column int, ok bool) {
	const suffix, near = "_templ.go", 6
	if !strings.HasSuffix(file, suffix) {
		return "", 0, 0, false
	}
	source = strings.TrimSuffix(file, suffix) + ".templ"
	code, made := Lines(file), Lines(source)
	if line < 1 || line > len(code) || made == nil {
		return "", 0, 0, false
	}
	for _, l := range code[line-1 : min(line-1+near, len(code))] {
		if m := marked.FindStringSubmatch(l); m != nil && filepath.Base(m[1]+m[2]) == filepath.Base(source) {
			at, _ = strconv.Atoi(m[3])
			column, _ = strconv.Atoi(m[4])
			return source, at, column, at >= 1 && at <= len(made)
		}
		if strings.TrimSpace(l) == "}" && l[0] == '}' {
			break // the end of a function
		}
	}
	text := strings.TrimSpace(code[line-1])
	for i, l := range made {
		if len(text) > 3 && strings.TrimSpace(l) == text {
			if at != 0 {
				return "", 0, 0, false
			}
			at = i + 1
		}
	}
	return source, at, 0, at != 0
}

// Lines are those of a file; nil if it cannot be read, or is too large to be source code.
func Lines(file string) []string {
	const most = 4 << 20
	if fi, err := os.Stat(file); err != nil || !fi.Mode().IsRegular() || fi.Size() > most {
		return nil
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	list := strings.Split(string(src), "\n")
	for i, l := range list {
		list[i] = strings.TrimSuffix(l, "\r")
	}
	return list
}
