package launch

import "syscall"

// stoppedBy: nothing is stopped by a console.
func (s *supervision) stoppedBy(syscall.Signal) {}
