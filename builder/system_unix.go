//go:build unix

package builder

import (
	"context"
	"io/fs"

	"github.com/hotreload/hotreload/internal/proc"
)

const exeSuffix = ""

func binarySuffix(string) string { return "" }

// tempVariables name the directory for temporary files.
var tempVariables = []string{"TMPDIR"}

const executeHint = "chmod +x"

func shell(_ []string, script string) (shellCommand, error) {
	return shellCommand{argv: []string{"sh", "-c", script}}, nil
}

func mayExecute(st fs.FileInfo) bool { return st.Mode()&0o111 != 0 }

// copyBinary copies what the user's command has left, so that the next run of the
// command may overwrite its output, even in place, while the old program runs. A hard
// link would be cheaper, but then that write fails ("text file busy") or, on macOS, kills
// the program. cp does it, because this process must never have a binary open for
// writing; it also clones where the file system can (GNU cp since 9.0).
func copyBinary(ctx context.Context, from, to, dir string, env []string, out *output) (Step, ending) {
	s := Step{Argv: []string{"cp", "--", from, to}}
	path, err := proc.LookPath(env, dir, s.Argv[0])
	if err != nil {
		return s, ending{err: err}
	}
	return s, run(ctx, command{path: path, argv: s.Argv, dir: dir, env: env, output: out, hard: true})
}
