//go:build unix

package files

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// A pipe that somebody waits for is found, and who waits reads nothing until the context ends.
func TestAwaited(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	if Awaited(ctx, pipe) {
		t.Error("nothing has opened it")
	}
	read := make(chan error, 1)
	go func() {
		_, err := os.ReadFile(pipe)
		read <- err
	}()
	testkit.Until(t, "the reader waits", func() bool { return Awaited(ctx, pipe) })
	fd, err := syscall.Open(pipe, syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := syscall.Read(fd, make([]byte, 1)); err != syscall.EAGAIN {
		t.Errorf("who reads it gets %d, %v", n, err)
	}
	syscall.Close(fd)
	end()
	if err := <-read; err != nil {
		t.Error(err)
	}
	if Awaited(t.Context(), pipe) {
		t.Error("nothing has it open any more")
	}
}

// Whatever goes by the name of a file: reading it ends, and says what it is.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("text"), 0o600),
		os.WriteFile(at("full"), []byte("12345678"), 0o600),
		os.WriteFile(at("large"), []byte("123456789"), 0o600),
		os.Symlink("file", at("link")),
		os.Symlink("/dev/zero", at("zero")),
		os.Symlink("nothing", at("broken")),
		os.Symlink("loop", at("loop")),
		os.Mkdir(at("dir"), 0o700),
		syscall.Mkfifo(at("pipe"), 0o600),
		os.Symlink("pipe", at("link to a pipe")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, want := range map[string]string{
		"file": "", "full": "", "link": "",
		"large":          "is larger than 0 KiB",
		"zero":           "is a device, not a regular file",
		"broken":         "cannot be read: no such file or directory",
		"loop":           "cannot be read: too many levels of symbolic links",
		"dir":            "is a directory, not a regular file",
		"pipe":           "is a named pipe, not a regular file",
		"link to a pipe": "is a named pipe, not a regular file",
		"socket":         "is a socket, not a regular file",
	} {
		data, err := Read(at(name), 8)
		if want == "" {
			if err != nil || len(data) == 0 {
				t.Errorf("%s: %q, %v", name, data, err)
			}
			continue
		}
		if err == nil || err.Error() != want || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if errors.Is(err, fs.ErrNotExist) != (name == "broken") {
			t.Errorf("%s: %v", name, err)
		}
		if pipe := strings.Contains(name, "pipe"); Pipe(at(name)) != pipe {
			t.Errorf("%s: a pipe: %v", name, !pipe)
		}
	}
	if _, err := Read("/proc/self/status", 8); err == nil { // says that it has no bytes
		if _, err := os.Stat("/proc/self/status"); err == nil {
			t.Error("more than the limit was read")
		}
	}
}
