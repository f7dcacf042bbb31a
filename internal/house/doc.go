// Package house tests the rules of this repository: which package may import which, how large a
// function or type may be, that each package has one comment, and that what the docs name exists.
// It contains only tests.
package house
