package gocmd

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Header is what a source file says to the import graph.
type Header struct {
	// Key changes when, and apart from reordered comments only when, the file's package clause, imports (path and name),
	// build constraints, //go:embed, //go:debug or //go:cgo_ lines, or the preamble of import "C" change. Empty if the
	// file cannot be read. Of a file that is not Go it covers the build constraints only.
	Key string
	// Complete says that the whole file parses as Go.
	Complete bool
	// Generated says that the file carries the mark of generated code (go help generate).
	Generated bool
}

// generated is the mark. Unlike for the go command, it counts anywhere, also below the package clause.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.\r?$`)

// HeaderOf reads a file. It is made to be called at every save: if no Key changed and no file came or went, the graph is
// as it was, and `go list` need not run.
func HeaderOf(path string) Header {
	// Opening a FIFO would block until something writes to it.
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return Header{}
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return Header{}
	}
	var key strings.Builder
	if filepath.Ext(path) != ".go" {
		directives(&key, src)
		key.WriteString("other")
		return Header{Key: key.String()}
	}
	mode := parser.SkipObjectResolution
	cgo := bytes.Contains(src, []byte(`"C"`)) || bytes.Contains(src, []byte("`C`"))
	if cgo {
		mode |= parser.ParseComments // only for the preamble: comments cost a third of the time
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, src, mode)
	h := Header{Complete: err == nil, Generated: generated.Match(src)}
	if err != nil {
		// After ten errors the parser gives up and returns an empty file, imports and all.
		f, _ = parser.ParseFile(token.NewFileSet(), path, src, mode|parser.ImportsOnly)
	}
	if f != nil {
		syntaxKey(&key, f)
	}
	directives(&key, src)
	h.Key = key.String()
	return h
}

// syntaxKey adds the package clause and the imports.
func syntaxKey(key *strings.Builder, f *ast.File) {
	if f.Name != nil {
		key.WriteString("package " + f.Name.Name + "\n")
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		for _, s := range g.Specs {
			importKey(key, g, s.(*ast.ImportSpec))
		}
	}
}

func importKey(key *strings.Builder, g *ast.GenDecl, s *ast.ImportSpec) {
	path, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		path = s.Path.Value
	}
	key.WriteString("import ")
	if s.Name != nil {
		key.WriteString(s.Name.Name + " ")
	}
	key.WriteString(strconv.Quote(path) + "\n")
	if path != "C" {
		return
	}
	doc := s.Doc
	if doc == nil && len(g.Specs) == 1 {
		doc = g.Doc // as cmd/cgo looks for it
	}
	if doc != nil {
		for _, c := range doc.List {
			key.WriteString(c.Text + "\n")
		}
	}
}

// directives adds the lines that matter to the graph. They are found by their text alone: such a line inside a raw string
// or a block comment changes the key for nothing, which costs one needless `go list`.
func directives(key *strings.Builder, src []byte) {
	for rest := src; ; {
		i := bytes.Index(rest, []byte("//"))
		if i < 0 {
			return
		}
		end := bytes.IndexByte(rest[i:], '\n')
		if end < 0 {
			end = len(rest) - i
		}
		line := rest[i : i+end]
		start := bytes.LastIndexByte(rest[:i], '\n') + 1
		if len(bytes.TrimSpace(rest[start:i])) == 0 && graphDirective(line) {
			key.Write(bytes.TrimRight(line, " \t\r"))
			key.WriteByte('\n')
		}
		rest = rest[i+end:]
	}
}

func graphDirective(line []byte) bool {
	if d, ok := bytes.CutPrefix(line, []byte("//go:")); ok {
		for _, p := range []string{"build", "embed", "debug", "cgo_"} {
			if bytes.HasPrefix(d, []byte(p)) {
				return true
			}
		}
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(line[2:], " \t"), []byte("+build"))
}

// ExactHeader is everything that a Go file says to the go command: package clause, imports, and every //go: line. It is more
// than the go command reads (a //go:noinline is for the compiler), because a line too many costs a `go build`, and one that
// was overlooked a wrong program: neither compiler nor linker notices a //go:build or //go:debug that was not there before.
func ExactHeader(src []byte) ([]byte, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", src, parser.ImportsOnly|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var key bytes.Buffer
	// What is above the package clause counts as a whole where it may hold a constraint: a comment around it, or a missing
	// empty line, changes what it means.
	if top := src[:set.Position(f.Package).Offset]; bytes.Contains(top, []byte("go:")) || bytes.Contains(top, []byte("+build")) {
		key.Write(top)
	}
	key.WriteString("\x00package " + f.Name.Name + "\n")
	for _, s := range f.Imports {
		if s.Name != nil {
			key.WriteString(s.Name.Name)
		}
		key.WriteString(" " + s.Path.Value + "\n")
	}
	if bytes.Contains(src, []byte("//go:")) {
		err = scanDirectives(&key, src)
	}
	return key.Bytes(), err
}

// scanDirectives adds every //go: line. Comments are found by the language's own rules: the same text in a string or in
// /* */ is no directive.
func scanDirectives(key *bytes.Buffer, src []byte) (err error) {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(src))
	s.Init(file, src, func(_ token.Position, msg string) { err = errors.New(msg) }, scanner.ScanComments)
	for {
		switch _, tok, text := s.Scan(); {
		case tok == token.EOF:
			return err
		case tok == token.COMMENT && strings.HasPrefix(text, "//go:"):
			key.WriteString(strings.TrimRight(text, " \t\r") + "\n")
		}
	}
}

// EmbedPatterns reads the patterns of the //go:embed lines in a Go file. The lines are read as text, so that a file which does
// not parse hides none of them.
func EmbedPatterns(src []byte) (patterns []string) {
	if !bytes.Contains(src, []byte("//go:embed")) {
		return nil
	}
	for line := range bytes.Lines(src) {
		args, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("//go:embed"))
		if !ok || len(args) == 0 || args[0] != ' ' && args[0] != '\t' {
			continue
		}
		for rest := strings.TrimSpace(string(args)); rest != ""; rest = strings.TrimSpace(rest) {
			if quoted, err := strconv.QuotedPrefix(rest); err == nil {
				if p, err := strconv.Unquote(quoted); err == nil {
					patterns = append(patterns, p)
				}
				rest = rest[len(quoted):]
				continue
			}
			word := rest
			if i := strings.IndexAny(rest, " \t"); i >= 0 {
				word = rest[:i]
			}
			patterns, rest = append(patterns, word), rest[len(word):]
		}
	}
	return patterns
}
