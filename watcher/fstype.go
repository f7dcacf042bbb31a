package watcher

import (
	"fmt"
	"strings"
)

// pollsOn reports whether the device that path lies on sends no events. It is
// asked once per device.
func (t *tree) pollsOn(dev uint64, path string) bool {
	if t.w.o.Backend != "auto" {
		return false
	}
	if known, ok := t.pollDev[dev]; ok {
		return known
	}
	typ := fsType(path, t.w.test.mountinfo)
	silent := sendsNoEvents(typ)
	t.pollDev[dev] = silent
	if silent {
		t.notice(Notice{
			Kind:    "poll",
			Message: fmt.Sprintf("%s is on a file system that does not report changes (%s): looking at the files every %v", path, typ, t.w.o.PollInterval),
		})
	}
	return silent
}

// sendsNoEvents lists the file systems that accept watches and then say nothing
// of changes made on the other side: there is no error to go by.
//
// FUSE in general is one of them. Not so fuseblk (ntfs-3g, exfat) and
// fuse-overlayfs: there the changes are made on this side.
func sendsNoEvents(typ string) bool {
	switch typ {
	case "9p", "drvfs", "wslfs", "virtiofs", "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph",
		"lustre", "beegfs", "gpfs", "vboxsf", "prl_fs", "vmhgfs", "fakeowner", "webdav", "afpfs", "macfuse", "osxfuse", "fuse":
		return true
	case "fuse.fuse-overlayfs":
		return false
	}
	return strings.HasPrefix(typ, "fuse.")
}
