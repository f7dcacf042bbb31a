package direct

import (
	"bytes"
	"context"
	"errors"

	"github.com/hotreload/hotreload/internal/proc"
)

// niceness is what recipes and checks run with: with the processors taken, they get a quarter of what the program, or the
// tests of its author, get of one. Builds have none; the user waits for them. Only tests change it.
var niceness = 5

// goTool asks the go command something, next to whatever else is done.
func (e *Engine) goTool(ctx context.Context, tmp string, args ...string) (stdout, stderr []byte, err error) {
	var out, complain bytes.Buffer
	argv := append([]string{e.o.Go}, args...)
	argv = e.nicely(argv)
	state, err := proc.Run(ctx, proc.Errand{
		Cmd:    proc.Cmd{Path: argv[0], Args: argv, Dir: e.o.Dir, Env: e.environment(tmp)},
		Stdout: &out, Stderr: &complain,
	})
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, nil, refuse("the go command could not be run: %v", err)
	case state.Code != 0:
		return nil, nil, refuse("go %s: %s", args[0], lastLine(complain.Bytes()))
	}
	return out.Bytes(), complain.Bytes(), nil
}

func lastLine(text []byte) string {
	text = bytes.TrimSpace(text)
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	if len(text) > 200 {
		text = text[:200]
	}
	return string(bytes.ToValidUTF8(text, nil))
}

// environment is that of the tools: temporary files go where they are removed, for a killed linker leaves some behind.
func (e *Engine) environment(tmp string) []string {
	env := proc.SetEnv(e.o.Env, "PWD", e.o.Dir)
	for _, name := range tempVariables {
		env = proc.SetEnv(env, name, tmp)
	}
	return env
}

var errExit = errors.New("the tool failed")
