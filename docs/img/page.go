//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// sessionPage makes the pictures of /__hotreload/: after a few saves, one with a mistake, and a
// request; in a wide light window, and in a narrow dark one.
func sessionPage(hotreload string) (err error) {
	s, clean, err := newStage(hotreload)
	if err != nil {
		return err
	}
	defer clean()
	run := exec.Command(s.hotreload, "run", "--proxy="+proxy, "--log", "json", "--set", "proxy.inspect=true")
	run.Dir, run.Env = s.dir, s.env
	if err := run.Start(); err != nil {
		return err
	}
	defer func() {
		_ = run.Process.Signal(syscall.SIGTERM)
		_ = run.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	if err := until("the program is live", s.live); err != nil {
		return err
	}
	if err := until("a plan of the build", s.planned); err != nil {
		return err
	}
	end, err := s.openBrowser(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, e := range []struct{ file, old, replacement string }{
		{"main.go", `name = "world"`, `name = "gopher"`},
		{"templates/greeting.html", `}}Hello`, `}}Good morning`},
		{"main.go", `mood = "sea"`, `mood = sea`},
	} {
		if err := s.edit(e.file, e.old, e.replacement); err != nil {
			return err
		}
		// It fails for the mistake.
		wait := exec.Command(s.hotreload, "wait")
		wait.Dir, wait.Env = s.dir, s.env
		if out, err := wait.CombinedOutput(); (err != nil) != strings.HasSuffix(e.replacement, "= sea") {
			return fmt.Errorf("hotreload wait: %v\n%s", err, out)
		}
		if resp, err := http.Get("http://" + proxy + "/api"); err == nil {
			resp.Body.Close()
		}
	}
	st, err := s.status()
	if err != nil {
		return err
	}
	for _, p := range []struct {
		file, scheme  string
		width, height int64
	}{{"page.png", "light", 1000, 1080}, {"page-narrow.png", "dark", 390, 844}} {
		if err := s.browse(chromedp.EmulateViewport(p.width, p.height)); err != nil {
			return err
		}
		if _, err := chromedp.Call(s.browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.scheme}},
		}); err != nil {
			return err
		}
		if err := s.browse(chromedp.Navigate(st.PageURL)); err != nil {
			return err
		}
		const whole = `document.querySelector('#saves li[data-state=failed] .frame') !== null && (document.querySelector('#logs')?.textContent ?? '').includes('hello is at')`
		if err := until("the page shows it all", func() (bool, error) {
			ok, err := chromedp.Run(s.browser, chromedp.Evaluate[bool](whole))
			return ok && err == nil, nil // an error: the page is being loaded
		}); err != nil {
			return err
		}
		// Where the copy is, is of no interest to readers. The page may draw it again at any time.
		if _, err := chromedp.Run(s.browser, chromedp.Evaluate[int](elsewhere)); err != nil {
			return err
		}
		png, err := chromedp.Run(s.browser, chromedp.CaptureScreenshot())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(pictures, p.file), png, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sessionStatus is what the pictures need of `hotreload status --json`.
type sessionStatus struct {
	PageURL  string `json:"page_url"`
	Services []struct {
		State  string `json:"state"`
		Direct *struct {
			Ready bool `json:"ready"`
		} `json:"direct"`
	} `json:"services"`
}

func (s *stage) status() (st sessionStatus, err error) {
	cmd := exec.Command(s.hotreload, "status", "--json")
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.Output()
	if err != nil {
		return st, fmt.Errorf("hotreload status: %w", err)
	}
	return st, json.Unmarshal(out, &st)
}

func (s *stage) live() (bool, error) {
	st, err := s.status()
	return err == nil && len(st.Services) == 1 && st.Services[0].State == "live", nil // an error: it starts
}

// planned reports whether the direct engine is ready: it takes its plan beside the first
// build, and a person who looks at the page before the first edit leaves it the time.
func (s *stage) planned() (bool, error) {
	st, err := s.status()
	if err != nil {
		return false, err
	}
	for _, v := range st.Services {
		if v.Direct != nil && !v.Direct.Ready {
			return false, nil
		}
	}
	return true, nil
}

// elsewhere is JavaScript that shows another directory in the head of the page.
const elsewhere = `(() => {
  const style = new CSSStyleSheet();
  style.replaceSync('#session { font-size: 0 } #session::after { font-size: 15px; content: "in ~/hello" }');
  return document.adoptedStyleSheets.push(style);
})()`
