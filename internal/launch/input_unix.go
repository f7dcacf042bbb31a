//go:build unix

package launch

// relays: a program in a group of its own cannot read the terminal; it gets a pipe.
const relays = true
