package proc

import "errors"

// Held is a process that waits to become a program: not on Windows, which has no exec.
type Held struct{}

// Hold always fails on Windows.
func Hold(c Cmd, names []string) (*Held, error) {
	return nil, errors.New("handing listening sockets to the app is not supported on Windows")
}

// Group is never called: there is no Held.
func (h *Held) Group() *Group { return nil }

// Release is never called: there is no Held.
func (h *Held) Release(path string, args, env []string) error { return errors.ErrUnsupported }

// Close is never called: there is no Held.
func (h *Held) Close() {}

func execMain() int { return 127 }
