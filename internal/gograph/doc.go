// Package gograph answers one question: which files is this main package built from?
//
// It asks `go list -e -deps -json` with exactly the tags, flags and environment of the build and keeps, of the answer, only
// what lies outside GOROOT and the module cache. golang.org/x/tools/go/packages would run the same command and two more of
// its own, fold the result into types made for type checkers, and drop the lists of ignored and invalid files that are
// needed here; one process and no dependency are enough.
//
// Membership in the list is not the whole answer. A new file in a package's directory, or one that a //go:embed pattern
// matches, is an input as soon as it exists, so [Graph.Verdict] decides by name and content, with the rules of go/build and
// of cmd/go, and not by the list alone.
//
// What no list can know: files that the program reads at run time (they need a rule in the configuration), and C headers
// outside a package's directory. The latter are found by following #include lines, best effort; `go build` itself does
// not notice their changes, so whoever builds has to make it look ([Graph.OutsideHeaders]).
package gograph
