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
	path, opened := fakeBrowser(t)
	addr := testkit.Address(t)
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = fmt.Sprintf("[proxy]\nlisten = %q\n[run.env]\nADDR = \":0\"\n", addr)
	files["main.go"] = strings.Replace(files["main.go"], `os.Getenv("ADDR")`, `"127.0.0.1:" + os.Getenv("PORT")`, 1)
	s, x := startTTY(t, newApp(t, files), nil, withEnv(path))
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("o")
	url, sid := opened()
	if !strings.HasPrefix(url, "http://"+addr) {
		t.Errorf("opened %q", url)
	}
	if sid == s.cmd.Process.Pid {
		t.Error("the browser is in hotreload's session")
	}
	x.press("q")
	s.exit()
}

// fakeBrowser stands in for the default browser: opened waits for the address that it is given, and
// the session of processes that it is in, because Ctrl-C must not reach a browser.
func fakeBrowser(t *testing.T) (path string, opened func() (url string, sid int)) {
	t.Helper()
	bin, page := t.TempDir(), filepath.Join(t.TempDir(), "page")
	if err := syscall.Mkfifo(page, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := os.OpenFile(page, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close() })
	write(t, filepath.Join(bin, "xdg-open"), "#!/bin/sh\nread _ _ _ _ _ sid _ </proc/$$/stat\necho $1 $sid >"+page+"\n")
	if err := os.Chmod(filepath.Join(bin, "xdg-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	return "PATH=" + bin + ":" + os.Getenv("PATH"), func() (url string, sid int) {
		if _, err := fmt.Fscanln(got, &url, &sid); err != nil {
			t.Fatal(err)
		}
		return url, sid
	}
}
