//go:build !unix

package direct

// supported: there is no change time here that a tool cannot set back.
const supported = false

func look(path string) (stamp, error) {
	return stamp{}, refuse("not supported on this system")
}

func lookHere(path string) (stamp, error) { return look(path) }

func (s stamp) regular() bool          { return true }
func (s stamp) samePlace(t stamp) bool { return false }
