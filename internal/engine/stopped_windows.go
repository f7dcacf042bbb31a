package engine

import (
	"syscall"

	"github.com/hotreload/hotreload/runner"
)

// stoppedBy: nothing is stopped by a console.
func (v *service) stoppedBy(runner.Spec, int, int, syscall.Signal) {}
