package builder

import "golang.org/x/sys/windows"

// freeSpace is what this user may still write on the volume of a path.
func freeSpace(path string) (bytes uint64, known bool) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, false
	}
	if err := windows.GetDiskFreeSpaceEx(name, &bytes, nil, nil); err != nil {
		return 0, false
	}
	return bytes, true
}
