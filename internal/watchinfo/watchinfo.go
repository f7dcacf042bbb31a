// Package watchinfo reports what this system offers for watching files: which limits it has, and
// which of its file systems report changes. It is not part of watcher, because hotreload doctor
// asks the same questions without watching anything.
package watchinfo

import "strings"

// FileSystem returns the type of the file system that path is on, "" if unknown, and whether it
// reports changes.
func FileSystem(path string) (typ string, reports bool) { return FileSystemIn(path, "") }

// FileSystemIn is FileSystem by another list of mounts than /proc/self/mountinfo, on Linux.
func FileSystemIn(path, mountinfo string) (typ string, reports bool) {
	typ = fsType(path, mountinfo)
	return typ, !sendsNoEvents(typ)
}

// Limit is a limit of the system on watching.
type Limit struct {
	Name  string // as the system calls it: "fs.inotify.max_user_watches"
	Value int
	Used  int    // by the processes of this user that can be seen; -1: unknown
	Hint  string // how to raise it
}

// sendsNoEvents lists the file systems that accept watches and then say nothing
// of changes made on the other side: there is no error to go by.
//
// FUSE in general is one of them. Not so fuseblk (ntfs-3g, exfat) and
// fuse-overlayfs: there the changes are made on this side. On Windows, the folders that a virtual machine shares
// with its host are drives of such a type, and so is what WinFsp provides (sshfs, rclone). A drive on the network
// has the type that it has on its server; most of these report changes.
func sendsNoEvents(typ string) bool {
	switch typ = strings.ToLower(typ); typ {
	case "vboxsharedfolderfs", "prlsf": // Windows
		return true
	case "9p", "drvfs", "wslfs", "virtiofs", "applevirtiofs", "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph",
		"lustre", "beegfs", "gpfs", "vboxsf", "prl_fs", "vmhgfs", "fakeowner", "webdav", "afpfs", "macfuse", "osxfuse", "fuse":
		return true
	case "fuse.fuse-overlayfs":
		return false
	}
	return strings.HasPrefix(typ, "fuse.") || strings.HasPrefix(typ, "fuse-") || strings.HasPrefix(typ, "winfsp")
}
