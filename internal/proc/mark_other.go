//go:build !linux

package proc

import "math/rand/v2"

// Elsewhere nothing of another process can be read that it cannot lose.

func markSession() (number uint64, ok bool) { return rand.Uint64(), false }

func marking(_ uint64, fork func()) { fork() }

// Claim does nothing here: what a killed session has left behind cannot be recognised.
func Claim(string) (release func(), err error) { return func() {}, nil }

// EndUnclaimed finds nothing here.
func EndUnclaimed(string) (ended []string) { return nil }
