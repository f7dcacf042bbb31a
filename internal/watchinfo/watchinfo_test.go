package watchinfo

import "testing"

// N5 (21): by the names that each system has for them.
func TestSendsNoEvents(t *testing.T) {
	for typ, want := range map[string]bool{
		"": false, "ext4": false, "btrfs": false, "overlay": false, "fuseblk": false, "fuse.fuse-overlayfs": false,
		"9p": true, "fuse.sshfs": true, "virtiofs": true,
		"apfs": false, "hfs": false, "smbfs": true, "macfuse": true, "AppleVirtIOFS": true,
		"NTFS": false, "ReFS": false, "exFAT": false, "FAT32": false,
		"9P": true, "VBoxSharedFolderFS": true, "PrlSF": true, "VMHGFS": true, "WinFsp-memfs": true, "FUSE-sshfs": true,
	} {
		if got := sendsNoEvents(typ); got != want {
			t.Errorf("%s: %v", typ, got)
		}
	}
}
