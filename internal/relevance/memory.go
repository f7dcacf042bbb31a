package relevance

import (
	"crypto/sha256"
	"path/filepath"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// memory is what is kept of changes and files.
type memory struct {
	mu sync.Mutex
	// headers has, for the files whose imports, constraints and embeds are
	// known, the key of what the graph was made from.
	headers map[string]string
	// reported has when the file was changed that was reported last.
	reported map[key]time.Time
	// pending are files that changed while no graph could say that they are inputs.
	pending map[key]bool
	// unread are changes that were made while it was not known what the program opens.
	unread map[key]plan.Change
	// templ has, of the files that templ has generated, the sum of the code without its texts, as it
	// was seen last.
	templ map[string][sha256.Size]byte
	// twice has what was reported while one watcher takes the place of another; nil: none does.
	twice map[string]watcher.Sum
}

// key is a file, as far as it concerns one service.
type key struct{ service, path string }

func newMemory() memory {
	return memory{
		headers: map[string]string{}, reported: map[key]time.Time{}, pending: map[key]bool{}, unread: map[key]plan.Change{},
		templ: map[string][sha256.Size]byte{},
	}
}

// report notes that the change of the file as it was at that time was reported for the service.
func (m *memory) report(s *Subject, path string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reported[key{s.name, path}] = at
}

// wasReported reports whether the file as it is now was reported for the service: then it is
// built for anyway, though no graph knew the file.
func (m *memory) wasReported(s *Subject, path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.reported[key{s.name, path}]
	return ok && !changedAt(path, time.Time{}).After(at)
}

// postpone notes a change that means nothing to the service as far as is known, and that
// the graph may judge otherwise.
func (m *memory) postpone(s *Subject, path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending[key{s.name, path}] = true
}

// takePending returns the files of postpone, and forgets them.
func (m *memory) takePending(s *Subject) map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]bool{}
	for k := range m.pending {
		if k.service == s.name {
			out[k.path] = true
			delete(m.pending, k)
		}
	}
	return out
}

// noteUnread keeps a change that means nothing as far as is known, while it is not known what the program opens.
func (m *memory) noteUnread(s *Subject, c plan.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.opening.pending() {
		m.unread[key{s.name, c.Path}] = c
	}
}

// takeUnread returns the changes of noteUnread, and forgets them.
func (m *memory) takeUnread(s *Subject) (changes []plan.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, c := range m.unread {
		if k.service == s.name {
			changes = append(changes, c)
			delete(m.unread, k)
		}
	}
	return changes
}

// header notes the key of a file, and returns the one before.
func (m *memory) header(path, now string) (before string, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, known = m.headers[path]
	m.headers[path] = now
	return before, known
}

// learnHeader notes what the graph was made from, so that the first edit of
// a function body does not cost a second reading of the graph.
func (m *memory) learnHeader(path string) {
	if filepath.Ext(path) != ".go" {
		return
	}
	m.mu.Lock()
	_, known := m.headers[path]
	m.mu.Unlock()
	if known {
		return
	}
	now := gocmd.HeaderOf(path).Key
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.headers[path]; !known {
		m.headers[path] = now
	}
}

// compare begins or ends the comparison of what two watchers report of the same change.
func (m *memory) compare(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.twice = nil
	if on {
		m.twice = map[string]watcher.Sum{}
	}
}

// once drops from a batch what the other watcher has reported, and notes what this one reports.
func (m *memory) once(b watcher.Batch) watcher.Batch {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.twice == nil {
		return b
	}
	changes := b.Changes
	b.Changes = nil
	for _, c := range changes {
		if sum, ok := m.twice[c.Path]; !ok || sum != c.New {
			b.Changes = append(b.Changes, c)
		}
		m.twice[c.Path] = c.New
	}
	return b
}
