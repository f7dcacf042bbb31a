package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

// T7: `o` opens the proxy's page.
func TestT7OpenBrowser(t *testing.T) {
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
	// It tells its session too: Ctrl-C must not reach a browser that it starts.
	write(t, filepath.Join(bin, "xdg-open"), "#!/bin/sh\nread _ _ _ _ _ sid _ </proc/$$/stat\necho $1 $sid >"+page+"\n")
	if err := os.Chmod(filepath.Join(bin, "xdg-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	addr := testkit.Address(t)
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = fmt.Sprintf("[proxy]\nlisten = %q\n[run.env]\nADDR = \":0\"\n", addr)
	files["main.go"] = strings.Replace(files["main.go"], `os.Getenv("ADDR")`, `"127.0.0.1:" + os.Getenv("PORT")`, 1)
	s, x := startTTY(t, newApp(t, files), nil, withEnv("PATH="+bin+":"+os.Getenv("PATH")))
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("o")
	buf := make([]byte, 200)
	n, err := got.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	var url string
	var sid int
	fmt.Sscan(string(buf[:n]), &url, &sid)
	if !strings.HasPrefix(url, "http://"+addr) {
		t.Errorf("opened %q", buf[:n])
	}
	if sid == s.cmd.Process.Pid {
		t.Error("the browser is in hotreload's session")
	}
	x.press("q")
	s.exit()
}
