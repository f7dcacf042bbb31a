package control

import (
	"fmt"
	"os"
	"path/filepath"
)

// ownTemp is a directory of this user below the temporary one, which others may share. On Windows
// each user has a temporary directory.
func ownTemp() string {
	name := "hotreload"
	if uid := os.Getuid(); uid >= 0 {
		name = fmt.Sprintf("hotreload-%d", uid)
	}
	return filepath.Join(os.TempDir(), name)
}
