//go:build unix

package proc

func sameVariable(a, b string) bool { return a == b }

func variableKey(name string) string { return name }
