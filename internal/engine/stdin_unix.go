//go:build unix

package engine

// relays: a program in a group of its own cannot read the terminal; it gets a pipe.
const relays = true
