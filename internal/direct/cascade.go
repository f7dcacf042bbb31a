package direct

import (
	"context"
	"os"
	"runtime"
	"sync"
)

// cascade compiles the dirty packages and those that import what came out different, in the order of the imports and as
// many at once as there are processors. The state stays as it is.
func (e *Engine) cascade(ctx context.Context, work string, dirty map[int]bool) (map[int]archive, error) {
	c := &cascade{e: e, work: work, dirty: dirty, outcomes: map[int]*outcome{}, made: map[int]archive{},
		processors: make(chan struct{}, runtime.GOMAXPROCS(0))}
	for i := range dirty {
		c.reach(e.recipe.packages[i])
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for i, o := range c.outcomes {
		all.Go(func() {
			if err := c.one(ctx, e.recipe.packages[i], o); err != nil {
				cancel(err)
				return // what waits for it may not go on
			}
			close(o.done)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		removeArchives(c.made)
		return nil, context.Cause(ctx)
	}
	return c.made, nil
}

// cascade is one compilation of what has changed.
type cascade struct {
	e          *Engine
	work       string
	dirty      map[int]bool // packages whose own files have changed
	outcomes   map[int]*outcome
	processors chan struct{}

	mu   sync.Mutex
	made map[int]archive
}

// outcome is what became of a package that may have to be compiled.
type outcome struct {
	done    chan struct{}
	changed bool // its export data is not what it was
}

// reach adds a package and all that import it, directly or not.
func (c *cascade) reach(p *pkg) {
	if c.outcomes[p.index] != nil {
		return
	}
	c.outcomes[p.index] = &outcome{done: make(chan struct{})}
	for _, q := range p.importers {
		c.reach(q)
	}
}

// one waits for the imports of a package, and compiles it if that is necessary.
func (c *cascade) one(ctx context.Context, p *pkg, o *outcome) error {
	need, err := c.needed(ctx, p)
	if err != nil || !need {
		return err
	}
	if p.obstacle != "" {
		return refuse("the package %s: %s", p.path, p.obstacle)
	}
	select {
	case c.processors <- struct{}{}:
		defer func() { <-c.processors }()
	case <-ctx.Done():
		return ctx.Err()
	}
	was := c.e.state.archives[p.index]
	if !was.hashed {
		if was.export, err = exportSum(was.path); err != nil {
			return refuse("the compiled package %s is gone", p.path)
		}
	}
	a, err := c.e.compile(ctx, c.work, p, c.archiveOf)
	if err != nil {
		return err
	}
	o.changed = a.export != was.export
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made[p.index] = a
	return nil
}

// needed says whether a package has to be compiled, once all that it imports is.
func (c *cascade) needed(ctx context.Context, p *pkg) (bool, error) {
	need := c.dirty[p.index]
	for _, q := range p.imports {
		o := c.outcomes[q.index]
		if o == nil {
			continue
		}
		select {
		case <-o.done:
			need = need || o.changed
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return need, nil
}

// archiveOf is the compiled package as it is now.
func (c *cascade) archiveOf(p *pkg) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.made[p.index]; ok {
		return a.path
	}
	return c.e.state.archives[p.index].path
}

// removeArchives removes what was made for nothing.
func removeArchives(made map[int]archive) {
	for _, a := range made {
		os.Remove(a.path)
	}
}
