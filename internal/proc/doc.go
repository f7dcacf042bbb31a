// Package proc runs a command in a process group of its own (a job object on
// Windows) and knows when all of it is gone: the command, its descendants, and on
// Linux the daemons that left the group.
//
// Rules that the rest of the package follows:
//
//   - Each process has exactly one waiter, inside this package. Nothing here waits
//     for "any child" (wait4(-1)): that would steal exit statuses from os/exec.
//   - "Stopped" means that the group is gone, not that its leader is. A shell dies of
//     SIGTERM in a millisecond while the server below it still holds the port.
//   - On Linux children are forked by one goroutine locked to an OS thread that never
//     ends, because PDEATHSIG fires at the end of the forking thread (golang/go#27505).
//   - Signals are never set to ignored in this process: that would be inherited.
package proc
