// Package runner runs one process and everything that descends from it, until all of it is gone.
// It passes on the output byte for byte, hands over listening sockets, and reports when the
// program is ready and why it ended.
//
//	p, err := runner.Start(runner.Spec{Path: "/bin/server", Ready: runner.Ready{Listen: true}})
//	<-p.Ready()
//	p.Stop()
//	<-p.Gone()
//
// Why not os/exec:
//
//   - The end of a process is not the end of what it started. A shell dies of SIGTERM at once,
//     while the server below it still has the port. Gone is closed when the whole process group
//     is gone, on Linux with the daemons that left it, and on Windows with the job object.
//   - os/exec waits for the output to end, which a daemon with an inherited descriptor delays
//     forever. Here the output is passed on until the pipe is empty after the end.
//   - A program behaves as on a terminal only if it has one. So each stream may have a
//     pseudo-terminal, with output processing off: the bytes are those that were written.
//   - A crash of a Go program is found at the end of what it printed, so that a caller can show
//     the user's own line. The parser knows the texts of the runtime, not the program.
//
// What happens later comes through channels, not callbacks. So the caller decides on which
// goroutine it is handled, and a slow caller blocks nothing: each channel has room for all that
// it will ever receive, or keeps the newest. One channel for everything was rejected: most
// callers need only Gone. Readiness by a regular expression, a port or sd_notify(3) is built in;
// others can be made from [Process.Listeners] and Stream.Write.
//
// Stability: before 1.0 the kinds of [Ready] and the fields of [Exit] may grow. Windows has no
// Spec.Sockets and no Process.Stopped. The rest will stay.
package runner
