package watcher

import (
	"slices"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/files"
)

const (
	hashBatch   = 128 // files read in one go
	lockedTries = 10  // to read what other programs do not share, once the others are read
)

// background gives the files of the first scan their sums, next to the owner of
// the tree, so that no event waits for it. It is idle as soon as all are known.
type background struct {
	results chan []hashed
	quit    chan struct{}
	done    *sync.WaitGroup

	todo []*dir
	busy bool

	// Results wait for hashDelay. If a file was written between the scan and the
	// reading in a way that its stat hides (on systems whose times are coarse), the
	// event of that write has then arrived; it finds the file without a sum and
	// reports it, as it must.
	ready []finished
	due   time.Time // of the first of them
}

type finished struct {
	at    time.Time
	files []hashed
}

type hashed struct {
	dir  *dir
	name string
	file *file
	st   stat // what the scan had seen
	sum  Sum
	ok   bool
}

func newBackground() background {
	return background{
		results: make(chan []hashed),
		quit:    make(chan struct{}),
		done:    &sync.WaitGroup{},
	}
}

// working reports whether some file's content is still to be known.
func (b *background) working() bool { return b.busy || len(b.todo)+len(b.ready) > 0 }

func (b *background) stop() {
	close(b.quit)
	b.done.Wait()
}

// run applies what is ready and hands out the next files to read.
func (b *background) run(t *tree, now time.Time) {
	for len(b.ready) > 0 && !now.Before(b.ready[0].at.Add(hashDelay)) {
		for _, h := range b.ready[0].files {
			h.apply(t)
		}
		b.ready[0] = finished{}
		b.ready = b.ready[1:]
	}
	b.due = time.Time{}
	if len(b.ready) > 0 {
		b.due = b.ready[0].at.Add(hashDelay)
	}
	if b.busy {
		return
	}
	if job := b.next(t); len(job) > 0 {
		b.busy = true
		b.done.Add(1)
		go b.read(job, t.w.o.MaxHash, t.w.test.hashing)
	}
}

// apply gives the file its sum, if it is still the one that was read.
func (h hashed) apply(t *tree) {
	d, f := h.dir, h.file
	if h.ok && t.alive(d) && d.files[h.name] == f && !f.hashed && !f.dirty && f.st.Same(h.st) {
		f.sum, f.hashed = f.of(h.sum), true
	}
}

// next takes the files to read out of todo.
func (b *background) next(t *tree) (job []hashed) {
	for len(b.todo) > 0 && len(job) < hashBatch {
		d := b.todo[len(b.todo)-1]
		b.todo = b.todo[:len(b.todo)-1]
		if !t.alive(d) {
			continue
		}
		for name, f := range d.files {
			if !f.hashed && !f.dirty {
				job = append(job, hashed{dir: d, name: name, file: f, st: f.st})
			}
		}
	}
	if len(b.todo) == 0 {
		b.todo = nil
	}
	return job
}

func (b *background) read(job []hashed, limit int64, opened func(string)) {
	defer b.done.Done()
	buf := make([]byte, chunk)
	var locked []*hashed
	for i := range job {
		select {
		case <-b.quit:
			return
		default:
		}
		if h := &job[i]; h.read(limit, buf, opened) {
			locked = append(locked, h)
		}
	}
	for range lockedTries {
		if len(locked) == 0 {
			break
		}
		select {
		case <-b.quit:
			return
		case <-time.After(tryEvery):
		}
		locked = slices.DeleteFunc(locked, func(h *hashed) bool { return !h.read(limit, buf, opened) })
	}
	select {
	case b.results <- job:
	case <-b.quit:
	}
}

// read gives h its sum. It returns whether another program has the file open and does not share it.
func (h *hashed) read(limit int64, buf []byte, opened func(string)) (locked bool) {
	path := h.dir.join(h.name)
	sum, st, err := sumFile(path, limit, buf, opened)
	h.ok = err == nil && st.Size == h.st.Size && st.Mtime == h.st.Mtime && st.ID.Ino == h.st.ID.Ino
	// A write in the middle of the reading shows here, however late its event is.
	if after, err := follow(path); err != nil || after != st {
		h.ok = false
	}
	h.sum = sum
	return files.Locked(err)
}

func (b *background) got(job []hashed, now time.Time) {
	b.busy = false
	b.ready = append(b.ready, finished{now, job})
}
