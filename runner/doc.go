// Package runner runs one process, from its start until its whole group is reaped: its
// output byte for byte, its readiness, the cause of its end, and listening sockets that
// are handed over to it.
package runner
