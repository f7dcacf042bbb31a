package cli

import "golang.org/x/sys/windows"

// openFiles: there is no such limit here.
func (d *doctor) openFiles() {}

// executable: directories do not forbid it here.
func executable(string) error { return nil }

func freeSpace(dir string) (bytes uint64, known bool) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	err = windows.GetDiskFreeSpaceEx(name, &bytes, nil, nil)
	return bytes, err == nil
}
