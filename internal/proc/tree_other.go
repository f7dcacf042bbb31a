//go:build unix && !linux

package proc

import "syscall"

// Without a subreaper orphans belong to PID 1, and a daemon that left its group can be
// recognised by nothing: it is documented as out of reach here.

// process is one of them; without its start and image, one process id is one process.
type process struct {
	pid   int
	start uint64
	name  string
	image string
}

func (g *Group) strays() (strays []process, sure bool) { return nil, true }

func (g *Group) remember() {}

func (g *Group) Members() []string {
	select {
	case <-g.exited:
		return nil
	default:
		return []string{process{pid: g.pid, name: NameOf(g.pid)}.String()}
	}
}

// Pids lists the processes of the group that are alive, and those that left it.
// It is empty where the system does not provide it (not Linux).
func (g *Group) Pids() []int { return nil }

// groupAlive is asked after our own children in the group were reaped. EPERM then means
// that only zombies are left, which XNU does not count as members
// (viamrobotics/goutils#600); PID 1 reaps them presently.
func groupAlive(pgid int, thorough bool) bool { return syscall.Kill(-pgid, 0) == nil }

// markedProcesses finds nothing: other processes' environments cannot be read.
func markedProcesses(uint64, map[int]string, func(string) bool) []process { return nil }
