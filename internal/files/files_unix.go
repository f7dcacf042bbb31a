//go:build unix

package files

import (
	"context"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// openFlags keep an open from waiting for the other end of a pipe, and from making a
// terminal ours.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY

// Awaited reports whether some process has opened the named pipe for reading, or waits in its open for a writer. If so,
// it goes on waiting until ctx ends: without a writer, it would read an empty file.
func Awaited(ctx context.Context, path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY|openFlags, 0) // fails at once if there is no reader
	if err != nil {
		return false
	}
	context.AfterFunc(ctx, func() { f.Close() })
	return true
}

// Untrusted says which other user owns a file or may change it; "" if there is none. Users in
// trusted count like us and root, and so do those who may write the file at like, which it is
// compared with, if that exists. dir is the directory in which the file was found: who may
// write to it may put another file there.
//
// Access control lists are not looked at.
func Untrusted(file, dir, like string, trusted ...uint32) string {
	owners := append([]uint32{0, uint32(os.Getuid())}, trusted...)
	open := fs.FileMode(0)
	if fi, err := os.Stat(like); err == nil && ownedBy(fi, owners) {
		open = fi.Mode().Perm() & 0o022
	}
	link, err := os.Lstat(file)
	if err != nil {
		return ""
	}
	list := []struct {
		path string
		fi   fs.FileInfo
	}{{file, link}}
	add := func(path string) {
		if fi, err := os.Stat(path); err == nil {
			list = append(list, struct {
				path string
				fi   fs.FileInfo
			}{path, fi})
		}
	}
	if fi, err := os.Stat(file); err != nil || !fi.Mode().IsRegular() {
		return "" // it is not read
	}
	add(dir)
	if link.Mode()&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(file); err == nil {
			add(target)
			add(filepath.Dir(target))
		}
	}
	for _, l := range list {
		if why := untrusted(l.fi, owners, open); why != "" {
			return l.path + " " + why
		}
	}
	return ""
}

func untrusted(fi fs.FileInfo, owners []uint32, open fs.FileMode) string {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	m := fi.Mode()
	switch {
	case !ownedBy(fi, owners):
		return "belongs to another user (" + UserName(st.Uid) + ")"
	case m&fs.ModeSymlink != 0: // a link has no mode
	case m.IsDir() && m&fs.ModeSticky != 0: // users can change only their own files in it
	case m&0o002&^open != 0:
		return "can be changed by every user"
	case m&0o020&^open != 0 && !private(st.Gid, owners):
		return "can be changed by everyone in its group (" + groupName(st.Gid) + ")"
	}
	return ""
}

func ownedBy(fi fs.FileInfo, owners []uint32) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return !ok || slices.Contains(owners, st.Uid)
}

// private reports whether a group has one member, by the custom of most Linux systems: it
// is named, or numbered, like its user. Under such a custom umask is 002.
func private(gid uint32, owners []uint32) bool {
	return slices.Contains(owners, gid) || os.Getgid() == int(gid) && groupName(gid) == UserName(uint32(os.Getuid()))
}

// Owner is the user id of who has the file, links followed.
func Owner(path string) (uid uint32, ok bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}

// UserName is the name of a user, or "uid N" if it has none here.
func UserName(uid uint32) string {
	id := strconv.Itoa(int(uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}

func groupName(gid uint32) string {
	id := strconv.Itoa(int(gid))
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return "gid " + id
}
