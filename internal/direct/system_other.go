//go:build !windows

package direct

import (
	"strconv"

	"github.com/hotreload/hotreload/internal/proc"
)

const (
	exeSuffix = ""
	linksCgo  = true
)

// tempVariables name the directory for temporary files.
var tempVariables = []string{"TMPDIR", "GOTMPDIR"}

// nicely is how to run something that the user does not wait for. With nice(1), and not setpriority(2) from here: on Linux that would
// have to hit every thread of a Go program that just starts.
func (e *Engine) nicely(argv []string) []string {
	nice, err := proc.LookPath(e.o.Env, e.o.Dir, "nice")
	if err != nil {
		return argv
	}
	return append([]string{nice, "-n", strconv.Itoa(niceness)}, argv...)
}
