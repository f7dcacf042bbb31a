package watchinfo

import "golang.org/x/sys/windows"

// fsType is what the volume that path is on calls its file system: "NTFS", "ReFS", "9P".
func fsType(path, _ string) string {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return ""
	}
	var volume, typ [windows.MAX_PATH + 1]uint16
	if err := windows.GetVolumePathName(name, &volume[0], uint32(len(volume))); err != nil {
		return ""
	}
	if err := windows.GetVolumeInformation(&volume[0], nil, 0, nil, nil, nil, &typ[0], uint32(len(typ))); err != nil {
		return ""
	}
	return windows.UTF16ToString(typ[:])
}
