package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/cli/browser"

	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/safe"
)

// verbOpen is the hidden verb by which this program starts itself to open a page.
const verbOpen = "__open"

// openBrowser opens a page. It returns when the opener has ended, which for a browser that
// it had to start may be hours later.
//
// It is done by a separate process, in a separate session where there are sessions: a
// browser that is started in our process group would get the terminal's Ctrl-C.
func openBrowser(url string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, verbOpen, url)
	detach(cmd)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := proc.Apart(cmd.Start); err != nil {
		return err
	}
	err = cmd.Wait()
	if text := strings.TrimSpace(out.String()); err != nil && text != "" {
		return errors.New(text)
	}
	return err
}

// openMain is that process.
func openMain(url string, stderr io.Writer) int {
	// Null devices: a browser would keep our pipe open, and us waiting for its end.
	browser.Stdout, browser.Stderr = nil, nil
	err := browser.OpenURL(url)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		safe.Fprintf(stderr, "no xdg-open or browser is on PATH\n")
		return 1
	case err != nil:
		safe.Fprintf(stderr, "%s\n", err)
		return 1
	}
	return 0
}
