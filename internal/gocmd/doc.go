// Package gocmd holds what hotreload knows of the go command: its flags, the form of its answers,
// and its rules about files. It starts no process: the package that needs an answer runs the go
// command, with the priority that fits. Only the form of the question and of the answer is here.
//
// It is one package because a release of Go changes such facts together. When a new Go comes out,
// this is the package to compare with it: the tables of flags ([Build], [Compile], [Link]), the
// variables ([ToolVariables], [TraceVariables]), the fields of go list, the rules for file names
// and //go:embed. A test compares the first table with the source of the go command that runs the
// tests.
//
// Some questions have two answers here, on purpose:
//
//   - What a flag means depends on who asks. So the table gives a flag several traits, and each
//     says what for.
//   - The header of a Go file is compared with [HeaderOf] to decide whether to read the import
//     graph again, and with [ExactHeader] to decide whether a build without the go command is
//     right. The first must work for files that do not parse, and may overlook nothing that
//     matters but reports too much; the second may not overlook anything at all, and has no
//     answer for a file that does not parse.
//   - What a //go:embed pattern matches is asked of one file ([EmbedMatch]), which need not
//     exist, and of the tree as it is ([ExpandEmbed]).
//
// Rejected: golang.org/x/tools/go/packages, which hides the flags and drops lists that are needed
// here; and the packages below cmd/go/internal, which cannot be imported, and of which a copy
// would be one Go release behind.
package gocmd
