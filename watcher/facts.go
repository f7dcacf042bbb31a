package watcher

// FileSystem returns the type of the file system that path lies on, "" if unknown, and
// whether it reports changes. If not, a watcher with Backend "auto" polls it.
func FileSystem(path string) (typ string, reports bool) {
	typ = fsType(path, "")
	return typ, !sendsNoEvents(typ)
}

// Limit is a limit of the system on watching.
type Limit struct {
	Name  string // as the system calls it: "fs.inotify.max_user_watches"
	Value int
	Used  int    // by the processes of this user that can be seen; -1: unknown
	Hint  string // how to raise it
}
