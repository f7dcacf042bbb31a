package builder

import "time"

// Result is the result of one build.
type Result struct {
	OK       bool
	Canceled bool // the context was canceled; nothing else is set then

	Binary string   // absolute path; empty if not OK, or without Options.Output
	Sum    [32]byte // checksum of the binary, for this process alone: equal programs have equal sums, and others never. Zero without Binary

	Duration      time.Duration
	Compile, Link time.Duration // of it, as far as that is known
	Diagnostics   []Diagnostic  // at most 100

	Engine   string // which one has built: EngineGo or EngineDirect; empty for a command of the user's
	Fallback string // why EngineDirect has left it to EngineGo; empty if it was not asked, or did it

	Output     string // what the tools printed, head and tail of it where it is long
	OutputFile string // the whole of it, if Output is not
	Warnings   string // what of Output the compilers printed though OK; of a package that was compiled now

	// Inputs that were written while the compiler ran for the first time, so that it ran once
	// more; nil otherwise. Unsteady: some were written during that, too, or still are: build
	// once more when Quiet returns.
	Again    []string
	Unsteady bool
	Wrote    []string // inputs that were written while the Before steps ran

	Summary string // one line for people when not OK
	Hint    string // what to do about it; may be empty
}

// Diagnostic is one message of the tools.
type Diagnostic struct {
	File    string // absolute; empty if the message has no place
	Line    int    // from 1; 0 if unknown
	Column  int    // from 1, in bytes; 0 if unknown
	Message string
	Package string       // import path, where the tools print it
	Frame   []SourceLine // the code around Line: two lines before and after
	More    string       // the further lines of the message, as they were
}

// SourceLine is one line of a source file, tabs kept, without its line ending.
type SourceLine struct {
	Number int
	Text   string
}
