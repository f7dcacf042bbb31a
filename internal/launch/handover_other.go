//go:build !windows

package launch

// unixHandover: a program inherits descriptors. A variable for its test.
var unixHandover = true
