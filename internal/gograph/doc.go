// Package gograph answers one question: which files is this main package built from?
//
// It asks `go list -e -deps -json` with exactly the tags, flags and environment of the build, and
// keeps only the part of the answer that is outside of GOROOT and the module cache. The form of
// question and answer, and the rules of the go command about files, are in internal/gocmd.
//
// Membership in the list is not the whole answer. A new file in a package's directory, or one
// that a //go:embed pattern matches, is an input as soon as it exists, so [Graph.Verdict] decides
// by name and content, with the rules of go/build and of cmd/go, and not by the list alone.
//
// A graph does not change. It is made again when something that it depends on has changed; until
// then, and while the code is broken, [Guess] decides by names: an unneeded build costs a second,
// a missed save costs trust.
//
// Rejected:
//
//   - golang.org/x/tools/go/packages: it runs the same command and two more, converts the result
//     into types made for type checkers, and drops the lists of ignored and invalid files that
//     are needed here.
//   - Reading the imports without the go command: this package would have to know what a tag, a
//     replace line, a workspace or a vendor directory means, for every Go release. Only
//     [FindBelow] and [IsMain] do so, where an answer in milliseconds is worth more than a
//     certain one.
//   - Changing a graph in place after an edit of imports: the rules for that are those of the go
//     command again, and `go list` takes no longer than the build that runs next to it.
//   - Every file in the directories of packages: a log file there causes builds without end.
//
// What no list can know: files that the program reads at run time (internal/discover, or a rule
// in the configuration), and C headers outside a package's directory. The latter are found by
// following #include lines, best effort; `go build` itself does not notice their changes, so the
// build has to make it notice ([Graph.OutsideHeaders]).
package gograph
