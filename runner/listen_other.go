//go:build !linux

package runner

import (
	"context"
	"time"
)

// listens is not known here.
func (p *Process) listens() bool { return false }

// awaitListen cannot see other processes' sockets here: a program that lives for a moment is
// taken for one that listens.
func (p *Process) awaitListen(ctx context.Context) <-chan struct{} {
	return p.after(ctx, 300*time.Millisecond)
}
