package filestat

import (
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Of follows links.
func Of(path string) (Stat, error) { return withID(path, 0, os.Stat) }

// OfLink does not.
func OfLink(path string) (Stat, error) {
	return withID(path, windows.FILE_FLAG_OPEN_REPARSE_POINT, os.Lstat)
}

// withID asks for the identity of directories alone: it costs an open, and only a directory goes on being watched
// under another name.
func withID(path string, flag uint32, ask func(string) (fs.FileInfo, error)) (Stat, error) {
	fi, err := ask(path)
	if err != nil {
		return Stat{}, err
	}
	st := fromInfo(fi)
	if st.Kind != Dir {
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
	return st, nil
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
