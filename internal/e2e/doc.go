// Package e2e proves the numbered promises with the real thing: the real
// hotreload binary, real go build, real processes and real files. It contains
// only tests and what they share.
//
// Tests synchronise on the event stream (--events writes into a pipe, or on
// Windows a file, that the test reads), never by sleeping. A promise's number is
// in the test's name.
//
// The tests run on every system, and where they need a command, they use
// testdata/tool. In files that end in _unix is what needs a unix: terminals, signals
// other than a request to end, named pipes, Unix sockets, links, names that Windows
// does not have, files that are replaced while they run, owners and modes, and shell
// scripts that stop in the middle.
package e2e
