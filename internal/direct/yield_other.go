//go:build !linux

package direct

// yieldThread is for Linux, where one thread can have another priority than the rest.
func yieldThread() {}
