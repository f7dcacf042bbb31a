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
