package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hotreload/hotreload/internal/testkit"
)

// onConsole starts a program on a new pseudo-console, and returns where keys are written and a
// channel that is closed when it has ended.
func onConsole(t *testing.T, dir string, argv ...string) (keys *os.File, ended chan struct{}) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, keys, err := os.Pipe()
	must(err)
	screen, out, err := os.Pipe()
	must(err)
	var console windows.Handle
	must(windows.CreatePseudoConsole(windows.Coord{X: 120, Y: 40}, windows.Handle(in.Fd()), windows.Handle(out.Fd()), 0, &console))
	in.Close()
	out.Close()
	list, err := windows.NewProcThreadAttributeList(1)
	must(err)
	defer list.Delete()
	must(list.Update(windows.PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, *(*unsafe.Pointer)(unsafe.Pointer(&console)), unsafe.Sizeof(console)))
	line, err := windows.UTF16PtrFromString(windows.ComposeCommandLine(argv))
	must(err)
	at, err := windows.UTF16PtrFromString(dir)
	must(err)
	start := windows.StartupInfoEx{ProcThreadAttributeList: list.List()}
	start.Cb = uint32(unsafe.Sizeof(start))
	start.Flags = windows.STARTF_USESTDHANDLES // none of ours: those of the console
	var process windows.ProcessInformation
	must(windows.CreateProcess(nil, line, nil, nil, false, windows.EXTENDED_STARTUPINFO_PRESENT, nil, at, &start.StartupInfo, &process))
	windows.CloseHandle(process.Thread)

	var text bytes.Buffer
	read := make(chan struct{})
	go func() { // a console that is not read stops its programs
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := screen.Read(buf)
			text.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	ended = make(chan struct{})
	go func() {
		windows.WaitForSingleObject(process.Process, windows.INFINITE)
		close(ended)
	}()
	t.Cleanup(func() {
		windows.TerminateProcess(process.Process, 1) // it has ended, unless the test failed
		<-ended
		windows.CloseHandle(process.Process)
		keys.Close()
		windows.ClosePseudoConsole(console)
		<-read
		screen.Close()
		if t.Failed() {
			t.Logf("console:\n%s", text.String())
		}
	})
	return keys, ended
}

// N5 (2, 3): a session on a console of Windows, from its start to the key q: nothing is left.
func TestConsole(t *testing.T) {
	dir, addr := t.TempDir(), testkit.Address(t)
	source := func(version string) string {
		return fmt.Sprintf("package main\n\nimport \"net\"\n\nfunc main() {\n\tl, err := net.Listen(\"tcp\", %q)\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfor {\n\t\tc, err := l.Accept()\n\t\tif err != nil {\n\t\t\tpanic(err)\n\t\t}\n\t\tc.Write([]byte(%s))\n\t\tc.Close()\n\t}\n}\n", addr, version)
	}
	save := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("go.mod", "module example.org/app\n\ngo 1.25\n")
	save("main.go", source(`"one"`))
	save(".env", "\uFEFFA=1\r\n")
	events := filepath.Join(t.TempDir(), "events.jsonl")
	// came waits for the nth event of a name.
	came := func(name string, n int) {
		t.Helper()
		testkit.Until(t, fmt.Sprintf("%s, %d times", name, n), func() bool {
			text, _ := os.ReadFile(events)
			return strings.Count(string(text), `"event":"`+name+`"`) >= n
		})
	}
	answers := func(want string) {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		buf := make([]byte, 100)
		if n, _ := c.Read(buf); string(buf[:n]) != want {
			t.Errorf("answered %q, want %q", buf[:n], want)
		}
	}

	keys, ended := onConsole(t, dir, hotreload, "run", "--events", events)
	came("live", 1)
	answers("one")
	save("main.go", source(`"two"`))
	came("live", 2)
	answers("two")
	save("main.go", source(`two`))
	came("build_finished", 3)
	answers("two")
	save("main.go", source(`"three"`))
	came("live", 3)
	answers("three")

	if _, err := keys.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	testkit.Receive(t, "the end of the session", ended)
	came("session_ended", 1)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the program is left")
	}
}
