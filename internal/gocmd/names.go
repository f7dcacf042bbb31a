package gocmd

import (
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
)

// sourceKinds are the extensions that go/build sorts into the lists of a package.
var sourceKinds = map[string]string{
	".go": "Go file",
	".h":  "C header", ".hh": "C header", ".hpp": "C header", ".hxx": "C header",
	".s": "assembly source", ".S": "assembly source", ".sx": "assembly source",
	".syso": "object file",
	".c":    "C source",
	".cc":   "C++ source", ".cpp": "C++ source", ".cxx": "C++ source",
	".m": "Objective-C source",
	".f": "Fortran source", ".F": "Fortran source", ".for": "Fortran source", ".f90": "Fortran source",
	".swig": "SWIG file", ".swigcxx": "SWIG file",
}

var cgoExts = map[string]bool{".c": true, ".cc": true, ".cpp": true, ".cxx": true, ".m": true, ".swig": true, ".swigcxx": true}

// Source names the kind of a source file for people: "Go file", "C header". "" if no compiler reads files of that name.
func Source(name string) string { return sourceKinds[filepath.Ext(name)] }

// NeedsCgo says whether go build passes over a file of that name when cgo is disabled (load.Package.load; Fortran it refuses
// instead).
func NeedsCgo(name string) bool { return cgoExts[filepath.Ext(name)] }

// Hidden says whether the go command passes over a file or directory of that name.
func Hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

// BadEmbedName says whether the name can never be in a module, so that go neither embeds it nor anything below it.
func BadEmbedName(name string) bool {
	switch name {
	case "", ".bzr", ".hg", ".git", ".svn":
		return true
	}
	return module.CheckFilePath(name) != nil
}

// Within says whether a file or directory is dir or is below it; both are clean.
func Within(path, dir string) bool {
	if dir == "" || !strings.HasPrefix(path, dir) {
		return false
	}
	return len(path) == len(dir) || dir[len(dir)-1] == filepath.Separator || path[len(dir)] == filepath.Separator
}

// Abs makes a name absolute that a flag, a go.mod or a go.work gives relative to dir, possibly with slashes.
func Abs(dir, name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}
