package control

import (
	"errors"
	"fmt"
	"io/fs"
)

// ForeignError says that a session, or its place, belongs to another user, or can be
// theirs.
type ForeignError struct {
	Path, Owner string
	what        string // what is the matter with it, if it is not the owner
	hint        string
}

func (e *ForeignError) Error() string {
	if e.what != "" {
		return e.Path + " " + e.what
	}
	return fmt.Sprintf("%s belongs to another user (%s)", e.Path, e.Owner)
}

// Hint implements the errors' convention.
func (e *ForeignError) Hint() string { return e.hint }

const (
	ownRuntime = "run hotreload as that user; or set XDG_RUNTIME_DIR, or TMPDIR if that is not set, to a directory of your own"
	strange    = "hotreload did not create it like this: remove it"
	ownCache   = "that user has run hotreload here, perhaps with sudo: remove it as that user, or set " + CacheVariable + " to a directory of your own"
)

// foreign makes a *ForeignError of a refusal of the system, where another user is the
// reason. Other errors stay as they are.
func foreign(path string, err error, hint string) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	at, owner, is := ownerOf(path)
	if !is {
		return err
	}
	return &ForeignError{Path: at, Owner: owner, hint: hint}
}
