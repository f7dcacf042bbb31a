// Package direct builds a program without the go command: it calls the compiler and the linker
// itself, with the same arguments that `go build` would give them, and only for the packages that
// a change can have affected. The result is what `go build` makes of the same sources with the
// same flags, byte for byte, or it is [ErrFallback].
//
// The go command is asked for a recipe, while a build runs and never before one: `go build -n -a`
// for the arguments of every tool, `go list -deps -export` for the compiled packages in its
// cache. A recipe is valid for sources whose files, names and headers are what they were then.
// Every build checks all of them itself, with the file system's own stamps, and never relies on a
// watcher. Where anything differs but the bodies of known files, the build is left to the go
// command.
//
// A package is compiled again when its own files changed, or when the export data of a package
// that it imports did: the compiler reads nothing else of an import, and is deterministic, so
// everything else would come out as it was.
//
// Why it is like this, and what was rejected:
//
//   - The arguments come from the go command, and not from rules of our own about flags, cgo or
//     module settings. Such rules would be a second go command, wrong in ways that only show in a
//     wrong program. The price is two calls of the go command after a change of imports, and that
//     flags and arguments are accepted by name only.
//   - Nothing that the watcher reports is used. Events come late and can be lost; checking some
//     thousand stamps takes milliseconds.
//   - Go's build cache is read, never written: its format is private, and a wrong entry would
//     outlive us. So no archive and no program of ours has a build ID of Go's.
//   - The result of a build becomes the state when the last package has compiled, all at once or
//     not at all. A state for each package would be faster after a failure, and half of an edit
//     could stay in it.
//   - Every doubt is [ErrFallback], with the reason. After some time without a build,
//     [Engine.Check] compares the result with what the go command makes. So an error in this
//     package is found on the user's machine and reported, and turns the engine off there.
//   - Lean archives (lean.go) depend on the object format of some Go versions, which is checked
//     by name; others are linked whole. Compiling everything without debug information was
//     rejected: it takes minutes, and `go test` and the editor could use nothing of it from the
//     go command's cache.
package direct
