package direct

const (
	exeSuffix = ".exe"

	// linksCgo: the linker would call gcc, and nobody has compared that yet.
	linksCgo = false
)

// tempVariables name the directory for temporary files.
var tempVariables = []string{"TMP", "TEMP", "GOTMPDIR"}

// nicely changes nothing: a nice on PATH is that of Git's shell, which rewrites arguments that look like paths of Unix.
func (e *Engine) nicely(argv []string) []string { return argv }
