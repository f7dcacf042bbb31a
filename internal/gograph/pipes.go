package gograph

import (
	"context"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/gocmd"
)

// pipeAfter is how long the go command may be at work before it is worth a search for a named
// pipe that it waits for: it opens everything in a package's directory that has the name of a
// source file, and a pipe without a writer never answers.
const pipeAfter = 300 * time.Millisecond

// AwaitPipe asks search for such a pipe, first when that is worth it and then ever less often,
// until it finds one or ctx ends (""), with the go command.
func AwaitPipe(ctx context.Context, search func() string) string {
	for wait := pipeAfter; ; wait *= 3 {
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ""
		}
		if path := search(); path != "" || ctx.Err() != nil {
			return path
		}
	}
}

// PipeMessage is what is the matter with the file of a PipeError.
const PipeMessage = "a named pipe, not a file: the go command would wait for it forever"

// PipeError says that the go command would wait forever.
type PipeError struct{ Path string }

func (e *PipeError) Error() string {
	return fmt.Sprintf("%s is %s", e.Path, PipeMessage)
}

// Hint implements the errors' convention.
func (e *PipeError) Hint() string {
	return "remove it, or give it a name that does not look like a source file"
}

// Pipe finds a named pipe that the go command would open in one of the directories; "" if
// there is none.
func Pipe(dirs []string) string {
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir)
		for _, d := range entries {
			if path := filepath.Join(dir, d.Name()); isPipe(path, d) {
				return path
			}
		}
	}
	return ""
}

// maxPipeSearch is how many names PipeBelow checks.
const maxPipeSearch = 50_000

// PipeBelow is Pipe for every directory below root that can hold a package. The go command need not read all of them, so
// it must be a pipe that a process waits for, until ctx ends.
func PipeBelow(ctx context.Context, root string) (found string) {
	seen := 0
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		seen++
		switch {
		case seen > maxPipeSearch || ctx.Err() != nil:
			return fs.SkipAll
		case err != nil || path == root:
		case d.IsDir():
			if gocmd.Hidden(d.Name()) || d.Name() == "testdata" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
		case isPipe(path, d) && files.Awaited(ctx, path):
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}

func isPipe(path string, d fs.DirEntry) bool {
	if d.Type() != fs.ModeNamedPipe && d.Type() != fs.ModeSymlink {
		return false
	}
	name := d.Name()
	if gocmd.Source(name) != "" {
		if !gocmd.MatchName(&build.Default, strings.TrimSuffix(name, filepath.Ext(name))+".go") {
			return false // of another system, or hidden
		}
	} else if !slices.Contains([]string{"go.mod", "go.sum", "go.work"}, name) {
		return false
	}
	return files.Pipe(path)
}

// unblocked ends the context with a *PipeError if there is a pipe below the root for which
// the go command may be waiting.
func unblocked(ctx context.Context, root string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		if p := AwaitPipe(ctx, func() string { return PipeBelow(ctx, root) }); p != "" {
			cancel(&PipeError{p})
		}
	}()
	return ctx, func() { cancel(nil) }
}
