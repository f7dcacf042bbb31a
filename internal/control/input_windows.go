package control

import (
	"context"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

type osInput struct {
	h     windows.Handle
	tty   bool
	wake  windows.Handle
	saved uint32
	keys  bool
}

// OpenInput prepares to read f; nothing is changed or read yet.
func OpenInput(f *os.File) (*Input, error) {
	in := &Input{f: f}
	in.os.h = windows.Handle(f.Fd())
	in.os.tty = term.IsTerminal(int(f.Fd()))
	var err error
	in.os.wake, err = windows.CreateEvent(nil, 0, 0, nil)
	return in, err
}

// Read waits for input, at most until ctx ends. Only a console's wait can be ended: a program is
// given a pipe or a file directly here, and hotreload does not read it.
//
// A console is read record by record. ReadFile was rejected: the handle is signaled by every record,
// also by the release of a key or the mouse, for which ReadFile then waits on until a character
// comes, and that wait cannot be ended.
func (in *Input) Read(ctx context.Context, p []byte) (int, error) {
	if !in.os.tty {
		return in.f.Read(p)
	}
	stop := context.AfterFunc(ctx, func() { _ = windows.SetEvent(in.os.wake) })
	defer stop()
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		ev, err := windows.WaitForMultipleObjects([]windows.Handle{in.os.h, in.os.wake}, false, windows.INFINITE)
		if err != nil {
			return 0, err
		}
		if ev != windows.WAIT_OBJECT_0 {
			continue
		}
		records, err := readRecords(in.os.h)
		if err != nil {
			return 0, io.EOF // the console is gone
		}
		if n := copy(p, typed(records)); n > 0 {
			return n, nil
		}
	}
}

var (
	kernel32          = windows.NewLazySystemDLL("kernel32.dll")
	countConsoleInput = kernel32.NewProc("GetNumberOfConsoleInputEvents")
	readConsoleInput  = kernel32.NewProc("ReadConsoleInputW")
)

// readRecords takes all records that are waiting. It waits for none.
func readRecords(h windows.Handle) ([]keyRecord, error) {
	var n uint32
	if ok, _, err := countConsoleInput.Call(uintptr(h), uintptr(unsafe.Pointer(&n))); ok == 0 {
		return nil, err
	}
	if n == 0 {
		return nil, nil
	}
	records := make([]keyRecord, n)
	if ok, _, err := readConsoleInput.Call(uintptr(h), uintptr(unsafe.Pointer(&records[0])), uintptr(n), uintptr(unsafe.Pointer(&n))); ok == 0 {
		return nil, err
	}
	return records[:n], nil
}

func (in *Input) single(on bool) {
	switch {
	case !in.os.tty || on == in.os.keys:
	case on:
		if windows.GetConsoleMode(in.os.h, &in.os.saved) == nil {
			mode := in.os.saved &^ (windows.ENABLE_LINE_INPUT | windows.ENABLE_ECHO_INPUT)
			in.os.keys = windows.SetConsoleMode(in.os.h, mode) == nil
		}
	default:
		in.os.keys = false
		_ = windows.SetConsoleMode(in.os.h, in.os.saved)
	}
}

// Close ends the use of the input; the file itself stays open. There must be no reader.
func (in *Input) Close() {
	in.single(false)
	_ = windows.CloseHandle(in.os.wake)
}

// Suspend and Resume: there is no job control here.
func (in *Input) Suspend()     {}
func (in *Input) Resume() bool { return true }
