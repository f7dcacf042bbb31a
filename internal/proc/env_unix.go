//go:build unix

package proc

func sameVariable(a, b string) bool { return a == b }
