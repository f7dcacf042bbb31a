package builder

import (
	"context"
	"errors"

	"github.com/hotreload/hotreload/internal/proc"
)

// engine makes a program out of its sources: with the user's command, with go build, or with the
// compiler and the linker alone. A Builder asks its engines in order.
type engine interface {
	// build makes the program of the task, and ends with everything that it started. If it
	// declines, the Result is of no use, and the next engine makes the program.
	build(ctx context.Context, t task) (Result, *declined)
}

// task is one program to make, when all that comes before it has been done.
type task struct {
	generation int
	tmp        string // the directory of this build
	env        []string
	out        *output
	tool       goTool // not for the user's command
}

// goTool is the go command, as it is at the start of a build.
type goTool struct {
	path    string
	flags   buildFlags
	headers []Headers
}

// declined is why an engine leaves a program to the next one.
type declined struct {
	why  string
	then func(Result) // is given what the next one has made; may be nil
}

func (b *Builder) engines() []engine {
	switch {
	case b.o.custom():
		return []engine{userCommand{b}}
	case b.direct != nil:
		return []engine{b.direct, goBuild{b}}
	}
	return []engine{goBuild{b}}
}

// make has the program of a task made by the first engine that does not decline. The last one
// never does.
func (b *Builder) make(ctx context.Context, t task) (r Result) {
	if b.o.StepsOnly {
		return b.refuse(errors.New("there is no program to build: StepsOnly is set"))
	}
	if !b.o.custom() {
		var err error
		if t.tool, err = b.goTool(ctx, t.env); err != nil {
			return b.refuse(err)
		}
	}
	var refusal *declined // of the engine before
	for _, e := range b.engines() {
		var no *declined
		if r, no = e.build(ctx, t); no == nil {
			break
		}
		refusal = no
	}
	if refusal == nil {
		return r
	}
	if refusal.then != nil {
		refusal.then(r)
	}
	if r.Engine != "" {
		r.Fallback = refusal.why
	}
	return r
}

// goTool finds the go command and what it has to be given.
func (b *Builder) goTool(ctx context.Context, env []string) (t goTool, err error) {
	if err := b.refreshTools(ctx); err != nil {
		return t, err
	}
	if t.path, err = proc.LookPath(env, b.o.Dir, b.o.Go); err != nil {
		return t, goMissing(b.o.Go, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.flags, t.headers = b.flags, b.headers
	return t, nil
}
