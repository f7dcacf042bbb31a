package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// P20: the key `o` opens the address of `run --proxy`.
func TestP20RunProxyKey(t *testing.T) {
	t.Parallel()
	bin, page := t.TempDir(), filepath.Join(t.TempDir(), "page")
	if err := syscall.Mkfifo(page, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := os.OpenFile(page, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	write(t, filepath.Join(bin, "xdg-open"), "#!/bin/sh\necho $1 >"+page+"\n")
	if err := os.Chmod(filepath.Join(bin, "xdg-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, x := startTTY(t, newApp(t, portApp(true)), []string{"--proxy"}, withEnv("PATH="+bin+":"+os.Getenv("PATH")))
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("o")
	buf := make([]byte, 200)
	n, err := got.Read(buf)
	if want := "http://" + s.proxied(); err != nil || strings.TrimSpace(string(buf[:n])) != want {
		t.Errorf("%v: opened %q, want %s", err, buf[:n], want)
	}
	x.press("q")
	s.exit()
}
