package builder

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/proc"
)

const exeSuffix = ".exe"

// binarySuffix keeps the meaning of the name that the user's command gives, as of app.bat.
func binarySuffix(output string) string {
	if ext := filepath.Ext(output); ext != "" {
		return ext
	}
	return exeSuffix
}

// tempVariables name the directory for temporary files.
var tempVariables = []string{"TMP", "TEMP"}

const executeHint = "an antivirus program may refuse it"

func shell(env []string, script string) (shellCommand, error) {
	return cmdCommand(cmp.Or(proc.GetEnv(env, "ComSpec"), "cmd"), script)
}

func mayExecute(fs.FileInfo) bool { return true }

// copyBinary copies what the user's command has left: the next run of the command
// could not overwrite a file that runs. Windows has no "text file busy" through an
// inherited descriptor, so this process makes the copy.
func copyBinary(_ context.Context, from, to, _ string, _ []string, _ *output) (Step, ending) {
	s := Step{Argv: []string{"copy", from, to}}
	return s, ending{err: copyFile(from, to)}
}

func copyFile(from, to string) error {
	in, err := files.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
