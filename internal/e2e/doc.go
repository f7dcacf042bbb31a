// Package e2e proves the numbered promises with the real thing: the real
// hotreload binary, real go build, real processes and real files. It contains
// only tests and what they share.
//
// Tests synchronise on the event stream (--events writes into a pipe that the
// test reads), never by sleeping. A promise's number is in the test's name.
package e2e
