package proc

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32      = windows.NewLazySystemDLL("kernel32.dll")
	attachConsole = kernel32.NewProc("AttachConsole")
	postMessage   = windows.NewLazySystemDLL("user32.dll").NewProc("PostMessageW")
)

// hideConsole gives this process a console without a window if it has none: CTRL_BREAK reaches only
// processes of the same console, and each child would open another window. AllocConsole was
// rejected, for it shows a window before it can be hidden. So a helper is started with such a
// console, which then belongs to both, and stays when the helper has ended.
func hideConsole() {
	if f, err := os.OpenFile("CONIN$", os.O_RDWR, 0); err == nil {
		f.Close()
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	c := exec.Command(self, verbConsole)
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NO_WINDOW}
	in, err := c.StdinPipe()
	if err != nil {
		return
	}
	out, err := c.StdoutPipe()
	if err != nil || c.Start() != nil {
		return
	}
	if _, err := out.Read(make([]byte, 1)); err == nil { // it has its console
		attachConsole.Call(uintptr(c.Process.Pid))
	}
	in.Close()
	c.Wait()
}

// consoleMain is the helper of hideConsole.
func consoleMain() int {
	os.Stdout.Write([]byte{1})
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// askToEnd asks a group to end: by CTRL_BREAK, or, for a program without a console, by closing its
// windows. The error says why neither is possible.
func (g *Group) askToEnd() error {
	err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid))
	if err == nil || closeWindows(g.Pids()) > 0 {
		return nil
	}
	return err
}

// enumeration is what the callback of EnumWindows works on. Callbacks are never freed, so there is
// one for all.
var enumeration struct {
	sync.Mutex
	pids   map[uint32]bool
	posted int
}

var enumerate = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(window windows.HWND, _ uintptr) uintptr {
		const wmClose = 0x10
		var pid uint32
		windows.GetWindowThreadProcessId(window, &pid)
		if enumeration.pids[pid] && windows.IsWindowVisible(window) {
			if ok, _, _ := postMessage.Call(uintptr(window), wmClose, 0, 0); ok != 0 {
				enumeration.posted++
			}
		}
		return 1 // the next one
	})
})

// closeWindows asks the windows of the processes to close, and says how many there were.
func closeWindows(pids []int) int {
	enumeration.Lock()
	defer enumeration.Unlock()
	enumeration.pids, enumeration.posted = map[uint32]bool{}, 0
	for _, pid := range pids {
		enumeration.pids[uint32(pid)] = true
	}
	_ = windows.EnumWindows(enumerate(), unsafe.Pointer(nil))
	return enumeration.posted
}
