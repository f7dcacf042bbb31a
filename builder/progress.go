package builder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Progress is how far a go build is.
type Progress struct {
	// Compiled is the number of packages that it has compiled. What is in Go's cache it does not compile.
	Compiled int
	// Packages is the number of packages that the program consists of, or the programs that are built together. 0: it is
	// not known.
	Packages int
}

// Progress is that of the go build that runs now. It is zero if none does, as in a build by a command of the user's. The
// number of all packages is counted when Progress was called for the first time in a build, so a later call returns it.
func (b *Builder) Progress() Progress {
	c := b.compilation.Load()
	if c == nil {
		return Progress{}
	}
	return c.progress()
}

// countFrom is how many packages have been compiled when it is worth to count all of them, which takes the go command a
// moment: what takes long to compile a few packages, or to link them, is not explained by their number.
const countFrom = 10

// compilation is one go build. What it has done is read off its directory when Progress is called, so a build without
// such a call costs nothing, and its command and its output are the same. go build -v would print the packages among its
// messages, and it changes other messages, too.
type compilation struct {
	dir    string  // where go build makes its work directory
	list   command // prints the packages of the program
	of     []*Builder
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	over     bool
	asked    bool
	most     int // go build removes the directory of a program that it has linked
	packages atomic.Int64
	work     sync.WaitGroup
}

// observe makes it known that a go build for these builders begins. end has to be called when it has ended.
func observe(ctx context.Context, of []*Builder, dir, path string, flags, env []string) *compilation {
	first := of[0].o
	argv := slices.Concat([]string{first.Go, "list", "-deps", "-f", "{{.ImportPath}}"}, flags)
	c := &compilation{dir: dir, of: of}
	for _, b := range of {
		argv = append(argv, b.o.Package)
	}
	c.list = command{path: path, argv: argv, dir: first.Dir, env: env, stderr: discard{}, hard: true}
	c.ctx, c.cancel = context.WithCancel(ctx)
	for _, b := range of {
		b.compilation.Store(c) // Progress may use all of it from here on
	}
	return c
}

// end returns when nothing is left that was started to count packages.
func (c *compilation) end() {
	for _, b := range c.of {
		b.compilation.CompareAndSwap(c, nil)
	}
	c.cancel()
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.work.Wait()
}

func (c *compilation) progress() Progress {
	n := c.compiled()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = max(c.most, n)
	p := Progress{Compiled: c.most, Packages: int(c.packages.Load())}
	// By then go build has all modules, so go list downloads nothing.
	if p.Compiled >= countFrom && !c.asked && !c.over {
		c.asked = true
		c.work.Go(c.count)
	}
	return p
}

// compiled counts the archives below the work directory of go build. It makes a directory for each package that is not
// cached, and the compiler writes the archive when it is done with the package.
func (c *compilation) compiled() (n int) {
	works, _ := os.ReadDir(c.dir)
	for _, w := range works {
		if !strings.HasPrefix(w.Name(), "go-build") {
			continue
		}
		packages, _ := os.ReadDir(filepath.Join(c.dir, w.Name()))
		for _, p := range packages {
			if _, err := os.Stat(filepath.Join(c.dir, w.Name(), p.Name(), "_pkg_.a")); err == nil {
				n++
			}
		}
	}
	return n
}

// count asks for the number of all packages.
func (c *compilation) count() {
	var text bytes.Buffer
	list := c.list
	list.output = &text
	if !run(c.ctx, list).ok() {
		return
	}
	n := 0
	for _, p := range strings.Fields(text.String()) {
		if p != "unsafe" { // there is nothing to compile
			n++
		}
	}
	c.packages.Store(int64(n))
}
