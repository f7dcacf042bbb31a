package proc

import "os"

// selfPath names this program's own file even after a new version was installed over it.
func selfPath() (string, error) {
	const link = "/proc/self/exe"
	if _, err := os.Stat(link); err == nil {
		return link, nil
	}
	return os.Executable()
}

// Self names this program's own file as selfPath does, for as long as this process lives, and also for a program that starts
// it on our behalf, such as nice(1).
func Self() (string, error) {
	// Not os.Getpid: /proc may be that of another pid namespace.
	if pid, err := os.Readlink("/proc/self"); err == nil {
		link := "/proc/" + pid + "/exe"
		if _, err := os.Stat(link); err == nil {
			return link, nil
		}
	}
	return os.Executable()
}
