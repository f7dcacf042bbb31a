//go:build !unix

package builder

func interruptHelper(string) int { return 1 }
