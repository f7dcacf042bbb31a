//go:build unix

package direct

// supported says that this system reports enough about a file to notice every change.
const supported = true
