package proc

import "os"

// selfPath names this program's own file even after a new version was installed over it.
func selfPath() (string, error) {
	if _, err := os.Stat(selfLink); err == nil {
		return selfLink, nil
	}
	return os.Executable()
}

const selfLink = "/proc/self/exe"

// Self names this program's own file as selfPath does, for as long as this process lives, and also for a program that starts
// it on our behalf, such as nice(1).
func Self() (string, error) {
	path, err := selfPath()
	// Not os.Getpid: /proc may be that of another pid namespace.
	if pid, err := os.Readlink("/proc/self"); err == nil && path == selfLink {
		path = "/proc/" + pid + "/exe"
	}
	return path, err
}
