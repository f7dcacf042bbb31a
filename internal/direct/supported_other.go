//go:build !unix

package direct

// supported: there is no change time here that a tool cannot set back.
const supported = false
