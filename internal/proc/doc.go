// Package proc runs a command in a process group of its own (a job object on Windows) and knows
// when all of it is gone: the command, its descendants, and on Linux the daemons that left the
// group.
//
// Rules that the rest of the package follows:
//
//   - Each process has exactly one waiter, inside this package. Nothing here waits
//     for "any child" (wait4(-1)): that would steal exit statuses from os/exec.
//   - "Stopped" means that the group is gone, not that its leader is. A shell dies of
//     SIGTERM in a millisecond while the server below it still has the port.
//   - On Linux, children are forked by one goroutine locked to an OS thread that never
//     ends, because PDEATHSIG fires at the end of the forking thread (golang/go#27505).
//   - Signals are never set to ignored in this process: that would be inherited.
//   - A group's id is signalled only while a process of the group certainly exists. It may be
//     reused afterwards.
//
// What was rejected, and why:
//
//   - os/exec: it has no group, it waits for the output to end instead of the processes, and on a
//     canceled context it kills the leader alone.
//   - wait4 on the group: a blocked call is not woken when the last child leaves the group by
//     setsid, and would later steal from another group with that id.
//   - cgroups to find daemons: they need rights that a developer's session rarely has. A mark in
//     each process's limits, which is inherited and cannot be lost, needs none.
//   - A pidfd for each process: it reports the end of a process that is known, and the unknown
//     ones are the problem.
package proc
