//go:build !windows

package proc

func consoleMain() int { return 127 }
