package control

// private: the temporary directory belongs to the user on Windows.
func private(string) error { return nil }

func trusted(string) error { return nil }

func ownerOf(path string) (at, owner string, foreign bool) { return path, "", false }
