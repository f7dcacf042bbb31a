package builder

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hotreload/hotreload/internal/filestat"
)

// A compiler that reads a file while it is written reads what the file held neither before
// nor after: nothing at all, while an editor has it truncated. No comparison of contents
// shows that, because the file holds the same before and after. So the inputs are stamped
// before and after the compiler, and it runs once more if one was written meanwhile. To ask
// the watcher was rejected: it learns of a write later, at a time that is a guess.
//
// What the go command keeps of such a compilation in its cache is its own: it has hashed the
// file at another moment than the compiler has read it.

const (
	calmFor   = 50 * time.Millisecond // without a write, before the inputs are read again
	maxCalm   = 500 * time.Millisecond
	calmLook  = 10 * time.Millisecond
	quietFor  = 1200 * time.Millisecond // of Quiet: a tool that writes file after file has ended
	quietLook = 200 * time.Millisecond
)

// stamps are the stats of files at a moment.
type stamps struct {
	files func() []string
	at    time.Time
	was   map[string]filestat.Stat
}

func stampsOf(files func() []string) stamps {
	s := stamps{files: files, at: time.Now(), was: map[string]filestat.Stat{}}
	for _, f := range s.list() {
		s.was[f], _ = filestat.Of(f) // the zero Stat if it does not exist
	}
	return s
}

func (s stamps) list() []string {
	if s.files == nil {
		return nil
	}
	return s.files()
}

// written returns the files that were written, replaced or removed since then, in any order.
// Those that were not known to be inputs count if they may have changed later.
func (s stamps) written() (out []string) {
	for _, f := range s.list() {
		now, _ := filestat.Of(f)
		was, known := s.was[f]
		if known && !now.Unwritten(was) || !known && now.Since(s.at) {
			out = append(out, f)
		}
	}
	return out
}

// calm waits until nothing was written for a time, at most for another one (0: without end).
// It reports false if that was over, or the context was, before.
func calm(ctx context.Context, files func() []string, quiet, look, most time.Duration) bool {
	var late <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		late = t.C
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for s := stampsOf(files); ; {
		select {
		case <-ctx.Done():
			return false
		case <-late:
			return false
		case <-tick.C:
		}
		if len(s.written()) > 0 {
			s = stampsOf(files)
		} else if time.Since(s.at) >= quiet {
			return true
		}
	}
}

// reading is how the inputs were while a compiler read them.
type reading struct {
	again    []string // those that were written during the first try; nil: there was no other
	unsteady bool     // some were written during the last try, too, or still are
}

// of adds it to a result.
func (r reading) of(res Result) Result {
	res.Again, res.Unsteady = r.again, r.unsteady
	return res
}

// steadily calls try, which calls a compiler, and once more if inputs were written meanwhile.
// What the first try has added to out is then dropped.
func (b *Builder) steadily(ctx context.Context, files func() []string, out *output, try func() failure) (f failure, r reading) {
	from, calmed := out.size, false
	for {
		before := stampsOf(files)
		if f = try(); b.o.Wait != nil {
			b.o.Wait(ctx)
		}
		all := before.written()
		written := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return b.selfWritten[p] })
		switch {
		case ctx.Err() != nil:
			return f, reading{}
		case len(written) == 0:
			if r.again == nil {
				maps.DeleteFunc(b.selfWritten, func(p string, _ bool) bool { return !slices.Contains(all, p) })
			}
			return f, r
		case r.again != nil:
			// Nothing wrote between the tries, and in both the same files were written: the
			// compiler's command does that itself, each time. It is asked once.
			r.unsteady = false
			for _, p := range written {
				if calmed && slices.Contains(r.again, p) {
					b.selfWritten[p] = true
				} else {
					r.unsteady = true
				}
			}
			return f, r
		}
		r.again = written
		calmed = b.calmed(ctx, files)
		if ctx.Err() != nil {
			return f, reading{}
		}
		if !calmed && f.end.ok() {
			r.unsteady = true // a result now, and a better one when Quiet returns
			return f, r
		}
		out.cut(from)
	}
}

// Quiet returns when no input was written for more than a second: then a build makes sense
// whose last one was Unsteady. The error is the context's.
func (b *Builder) Quiet(ctx context.Context) error {
	if !calm(ctx, b.o.Inputs, quietFor, quietLook, 0) {
		return ctx.Err()
	}
	return nil
}
