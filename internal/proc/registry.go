package proc

import (
	"os"
	"sync"
)

// registry is what has to be known process-wide, because the things it describes are
// process-wide: children, the subreaper flag, the terminal.
var registry struct {
	// spawn is held while a child is forked and entered, and while the reaper looks for
	// zombies that have no waiter: a child that ends at once must not be taken for one.
	spawn sync.Mutex

	mu     sync.Mutex
	groups map[int]*Group
	guards map[*Guard]struct{}
	temps  map[string]struct{} // directories that the guards remove at the end

	tty   *os.File     // the guards' terminal; nil: none
	modes *modesRecord // what they put back there; nil: nothing
}

func enter(g *Group) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if registry.groups == nil {
		registry.groups = make(map[int]*Group)
	}
	registry.groups[g.pid] = g
	tellGuards(record{op: '+', pid: g.pid, text: g.os.nonce})
}

func leave(g *Group) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	delete(registry.groups, g.pid)
	tellGuards(record{op: '-', pid: g.pid})
}

// MkdirTemp makes a private temporary directory (mode 0700) as [os.MkdirTemp] does. The
// guards remove it if this process is killed before it called remove.
func MkdirTemp(parent, pattern string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(parent, pattern)
	if err != nil {
		return "", nil, err
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if registry.temps == nil {
		registry.temps = make(map[string]struct{})
	}
	registry.temps[dir] = struct{}{}
	tellGuards(record{op: 'd', text: dir})
	return dir, func() {
		os.RemoveAll(dir)
		registry.mu.Lock()
		defer registry.mu.Unlock()
		delete(registry.temps, dir)
		tellGuards(record{op: 'x', text: dir})
	}, nil
}

// tellGuards is called with registry.mu held.
func tellGuards(r record) {
	for gd := range registry.guards {
		gd.tell(r)
	}
}

// Apart starts a process that belongs to no group, and may outlive this one: a browser.
func Apart(start func() error) error {
	registry.spawn.Lock() // no marked process is forked now
	defer registry.spawn.Unlock()
	return start()
}
