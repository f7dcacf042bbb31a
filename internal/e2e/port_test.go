package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// R7: an address that hotreload itself wants.
func TestR7ControlAddressTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files := maps.Clone(webApp)
	files[".hotreload.toml"] = fmt.Sprintf("[control]\nlisten = %q\n", l.Addr())
	dir := newApp(t, files)
	s := start(t, dir, nil)
	if code := s.exit(); code != 1 {
		t.Errorf("exit %d", code)
	}
	if text := s.err.String(); !strings.Contains(text, fmt.Sprintf("pid %d", os.Getpid())) || !strings.Contains(text, "control.listen") {
		t.Errorf("said:\n%s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, ".hotreload.toml")); err != nil {
		t.Error(err)
	}
}
