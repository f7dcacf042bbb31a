package control

import "os"

// private: the temporary directory and the cache belong to the user on Windows.
func private(dir, hint string) error { return nil }

func ours(dir, hint string) error { return nil }

func openLock(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|os.O_RDWR, 0o600)
}

func ownerOf(path string) (at, owner string, foreign bool) { return path, "", false }
