//go:build unix

package cli

import (
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openFiles: Go raises the soft limit to the hard one for itself, and gives programs back
// what it found.
func (d *doctor) openFiles() {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return
	}
	if r.Cur < 1024 {
		d.add(levelWarn, "open files", "raise it: ulimit -n 4096", "at most %d, which builds may exceed", r.Cur)
		return
	}
	d.ok("open files", "at most %d", r.Cur)
}

// executable tries whether the file system lets a program of it run.
func executable(dir string) error {
	tmp, err := os.MkdirTemp(dir, "doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	file := filepath.Join(tmp, "try")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		return err
	}
	return exec.Command(file).Run()
}

func freeSpace(dir string) (bytes uint64, known bool) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return 0, false
	}
	return uint64(st.Bavail) * uint64(st.Bsize), true
}
