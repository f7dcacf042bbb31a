package watcher

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// mountedAt is the directory that a junction or the folder of a mounted volume leads to: filepath.EvalSymlinks
// leaves them as they are, and they are no directories themselves.
func mountedAt(path string) (string, error) {
	if st, err := follow(path); err != nil || st.Kind != kindDir {
		return path, errNoFile
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return path, err
	}
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return path, err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	const guid = 1 // the volume by its number: it may have no letter
	for _, flags := range []uint32{0, guid} {
		buf := make([]uint16, windows.MAX_LONG_PATH)
		if n, err := windows.GetFinalPathNameByHandle(h, &buf[0], uint32(len(buf)), flags); err == nil && n < uint32(len(buf)) {
			return filepath.Clean(short(windows.UTF16ToString(buf[:n]))), nil
		}
	}
	return path, errNoFile
}

// short is a path in the form that people write: C:\dir and not \\?\C:\dir.
func short(path string) string {
	rest, ok := strings.CutPrefix(path, `\\?\`)
	switch {
	case !ok || strings.HasPrefix(rest, "Volume{"):
		return path
	case strings.HasPrefix(rest, `UNC\`):
		return `\\` + rest[len(`UNC\`):]
	}
	return rest
}
