//go:build unix && !linux

package proc

func selfPath() (string, error) { return Self() }
