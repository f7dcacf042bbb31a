//go:build !unix

package direct

// supported: there is no change time here that a tool cannot set back.
const supported = false

func look(path string) (stamp, error) {
	return stamp{}, refuse("not supported on this system")
}

func (s stamp) regular() bool { return true }
