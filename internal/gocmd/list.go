package gocmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io"
	"iter"
	"slices"
	"strings"
)

// Package is a package as go list prints it (go doc cmd/go/internal/load.PackagePublic). Only the fields that were asked for
// are set ([ListFields]).
type Package struct {
	Dir, ImportPath, Name, Export string

	Standard, DepOnly, Incomplete bool

	Module    *Module
	Imports   []string
	ImportMap map[string]string
	Error     *PackageError

	Sources
	Embedding
	Cgo
	Tests
}

// Module is the module of a package. A copy in a vendor directory has no Dir.
type Module struct{ Path, Dir string }

// PackageError is why a package cannot be built.
type PackageError struct{ Pos, Err string }

// Sources are the base names of the files in a package's directory.
type Sources struct {
	GoFiles, CgoFiles, IgnoredGoFiles, InvalidGoFiles, IgnoredOtherFiles                 []string
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles []string
}

// Embedding is what a package embeds: slash-separated names below its directory.
type Embedding struct{ EmbedPatterns, EmbedFiles []string }

// Cgo is what cgo gives to the C compiler.
type Cgo struct{ CgoCFLAGS, CgoCPPFLAGS, CgoCXXFLAGS, CgoPkgConfig []string }

// Tests are the test files, which are no part of a program.
type Tests struct{ TestGoFiles, XTestGoFiles []string }

// The groups of fields that a question can ask for, in the form of -json=. go list computes
// some fields only when they are asked for, so each question asks for what it needs.
const (
	FieldsPackage = "Dir,ImportPath,Name,Standard,DepOnly,Incomplete,Module,Imports,ImportMap,Error"
	FieldsSources = "GoFiles,CgoFiles,IgnoredGoFiles,InvalidGoFiles,IgnoredOtherFiles," +
		"CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles"
	FieldsEmbedding = "EmbedPatterns,EmbedFiles"
	FieldsCgo       = "CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS"
)

// ListFields is the flag that makes go list print JSON with these fields, or groups of fields.
func ListFields(fields ...string) string { return "-json=" + strings.Join(fields, ",") }

// Compiled are the names of the files that are compiled into the package, or read by its compilers.
func (s Sources) Compiled() []string {
	return slices.Concat(s.GoFiles, s.CgoFiles, s.Foreign(), s.HFiles, s.SFiles, s.SysoFiles)
}

// Foreign are the sources for other compilers than Go's. A header alone is none.
func (s Sources) Foreign() []string {
	return slices.Concat(s.CFiles, s.CXXFiles, s.MFiles, s.FFiles, s.SwigFiles, s.SwigCXXFiles)
}

// Packages reads what go list prints. The sequence ends with an error.
func Packages(r io.Reader) iter.Seq2[*Package, error] {
	return func(yield func(*Package, error) bool) {
		for dec := json.NewDecoder(r); ; {
			p := new(Package)
			err := dec.Decode(p)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("output of go list: %w", err))
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// ContextArgs ask go list, behind its flags, for the build context: GOOS, tags from wherever they come, release and
// experiment tags. Package unsafe is the cheapest one to list.
//
// No space, quote or line break is in the format: where go is a batch file (version managers on Windows), cmd.exe splits the
// command line once more, by rules of its own, and ends it at a line break.
func ContextArgs() []string {
	fields := []string{"GOOS", "GOARCH", "CgoEnabled", "Compiler", "BuildTags", "ToolTags", "ReleaseTags", "InstallSuffix"}
	for i, f := range fields {
		fields[i] = "{{(context)." + f + "}}"
	}
	return []string{"-find", "-f=" + strings.Join(fields, ","), "--", "unsafe"}
}

// ParseContext reads what go list prints for [ContextArgs]. Tags have neither commas nor spaces.
func ParseContext(text string) (build.Context, error) {
	fields := strings.Split(strings.TrimRight(text, "\r\n"), ",")
	if len(fields) != 8 {
		return build.Context{}, errors.New("no build context")
	}
	tags := func(s string) []string { return strings.Fields(strings.Trim(s, "[]")) }
	return build.Context{
		GOOS: fields[0], GOARCH: fields[1], CgoEnabled: fields[2] == "true", Compiler: fields[3],
		BuildTags: tags(fields[4]), ToolTags: tags(fields[5]), ReleaseTags: tags(fields[6]), InstallSuffix: fields[7],
	}, nil
}
