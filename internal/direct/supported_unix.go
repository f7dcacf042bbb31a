//go:build unix

package direct

// supported says that this system tells enough about a file to notice every change.
const supported = true
