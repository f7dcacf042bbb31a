package filestat

import (
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Of follows links. It asks for the identity of directories alone: that costs an open, and only a directory goes on
// being watched under another name.
func Of(path string) (Stat, error) { return with(path, 0, os.Stat, false) }

// OfLink does not follow links.
func OfLink(path string) (Stat, error) {
	return with(path, windows.FILE_FLAG_OPEN_REPARSE_POINT, os.Lstat, false)
}

// Exact is Of with the identity of every file and its change time, which cost an open.
func Exact(path string) (Stat, error) { return with(path, 0, os.Stat, true) }

// ExactLink does not follow links.
func ExactLink(path string) (Stat, error) {
	return with(path, windows.FILE_FLAG_OPEN_REPARSE_POINT, os.Lstat, true)
}

func with(path string, flag uint32, ask func(string) (fs.FileInfo, error), exact bool) (Stat, error) {
	fi, err := ask(path)
	if err != nil {
		return Stat{}, err
	}
	st := fromInfo(fi)
	if st.Kind != Dir && !exact {
		return st, nil
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return st, nil
	}
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|flag, 0)
	if err != nil {
		return st, nil
	}
	defer func() { _ = windows.CloseHandle(h) }()
	st.ID = identity(h)
	if exact {
		st.Ctime = changeTime(h)
	}
	return st, nil
}

// changeTime is zero where the file system has none, such as FAT. The calls that set a file's times leave it alone, but for
// one that names it (SetFileInformationByHandle).
func changeTime(h windows.Handle) int64 {
	var info struct {
		created, accessed, written, changed windows.Filetime
		attributes                          uint32
		_                                   uint32
	}
	err := windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil || info.changed == (windows.Filetime{}) {
		return 0
	}
	return info.changed.Nanoseconds()
}

// OfFile asks about an open file.
func OfFile(f *os.File) (Stat, error) {
	fi, err := f.Stat()
	if err != nil {
		return Stat{}, err
	}
	st := fromInfo(fi)
	if st.Kind == Dir {
		st.ID = identity(windows.Handle(f.Fd()))
	}
	return st, nil
}

// identity is that of an open file. On a Dev Drive (ReFS) it has 128 bits, and the older call does not tell every
// two apart.
func identity(h windows.Handle) ID {
	var id struct{ volume, low, high uint64 }
	if err := windows.GetFileInformationByHandleEx(h, windows.FileIdInfo, (*byte)(unsafe.Pointer(&id)), uint32(unsafe.Sizeof(id))); err == nil {
		return ID{Dev: id.volume, Ino: id.low + id.high*0x9e3779b97f4a7c15}
	}
	var fi windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &fi); err != nil {
		return ID{}
	}
	return ID{Dev: uint64(fi.VolumeSerialNumber), Ino: uint64(fi.FileIndexHigh)<<32 | uint64(fi.FileIndexLow)}
}

func fromInfo(fi fs.FileInfo) Stat {
	return Stat{Kind: KindOf(fi.Mode()), Size: fi.Size(), Mtime: fi.ModTime().UnixNano(), Mode: uint32(fi.Mode())}
}
