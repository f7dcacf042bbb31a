// Package direct builds a program without the go command: it calls the compiler and the linker itself, with the very
// arguments that `go build` would give them, and only for the packages that a change can have touched. What comes out is
// what `go build` makes of the same sources with the same flags, byte for byte, or it is [ErrFallback].
//
// The go command is asked twice for a plan, beside a build and never in front of one: `go build -n -a` for the arguments of
// every tool, `go list -deps -export` for the compiled packages in its cache. A plan holds for sources whose files, names
// and headers are what they were then. Every build looks at all of them itself, with the file system's own stamps, and
// never believes a watcher. Where anything differs but the bodies of known files, the build is left to the go command.
//
// A package is compiled again when its own files changed, or when the export data of a package that it imports did: the
// compiler reads nothing else of an import, and is deterministic, so everything else would come out as it was.
//
// Rules that the rest of the package follows:
//
//   - What a build makes becomes part of the state when the last package has compiled, all at once or not at all.
//   - Go's build cache is read, never written. No archive and no program of ours carries a build ID of Go's.
//   - When in doubt: [ErrFallback], with the reason.
package direct
