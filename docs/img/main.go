//go:build unix

// Img makes the pictures of the README from the real thing. It runs hotreload on a copy of
// examples/hello, in a terminal (tmux) and behind a page in a browser (Chromium), edits the program
// as a person would, and records what is shown. The chart is drawn from bench/RESULTS.md.
//
//	make pictures
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// pictures is where they are, seen from the root of the repository.
const pictures = "docs/img"

func main() {
	hotreload := flag.String("hotreload", "bin/hotreload", "the `binary` to show")
	only := flag.String("only", "", "make one picture: chart, movie or page")
	flag.Parse()
	for name, draw := range map[string]func() error{
		"chart": speed,
		"movie": func() error { return demo(*hotreload) },
		"page":  func() error { return sessionPage(*hotreload) },
	} {
		if *only != "" && *only != name {
			continue
		}
		if err := draw(); err != nil {
			fmt.Fprintf(os.Stderr, "error: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// speed draws the chart.
func speed() error {
	page, err := os.ReadFile("bench/RESULTS.md")
	if err != nil {
		return err
	}
	list, err := results(string(page))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(pictures, "speed.svg"), []byte(chart(list)), 0o644)
}

// patience is for a build on a slow machine.
const patience = 2 * time.Minute

// The addresses that the pictures show.
const (
	app   = "127.0.0.1:8080"
	proxy = "127.0.0.1:8090"
)

// newStage is a copy of examples/hello, with a separate home directory.
func newStage(hotreload string) (s *stage, clean func(), err error) {
	hotreload, err = filepath.Abs(hotreload)
	if err != nil {
		return nil, nil, err
	}
	for _, addr := range []string{app, proxy} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("the pictures show this address: %w", err)
		}
		l.Close()
	}
	// The home directory of the pictures is the temporary one, that of the toolchain is not.
	goenv, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		return nil, nil, err
	}
	home, err := os.MkdirTemp("", "pictures-")
	if err != nil {
		return nil, nil, err
	}
	dirs := strings.Split(strings.TrimSpace(string(goenv)), "\n")
	s = &stage{hotreload: hotreload, dir: filepath.Join(home, "hello")}
	s.env = append(os.Environ(), "HOME="+home, "GOCACHE="+dirs[0], "GOMODCACHE="+dirs[1], "GOPATH="+dirs[2],
		"PATH="+filepath.Dir(hotreload)+":"+os.Getenv("PATH"), "TERM=xterm-256color", "CI=")
	return s, func() { os.RemoveAll(home) }, os.CopyFS(s.dir, os.DirFS("examples/hello"))
}

// demo runs hotreload on a copy of examples/hello and makes the movie and the picture of the overlay.
func demo(hotreload string) (err error) {
	s, clean, err := newStage(hotreload)
	if err != nil {
		return err
	}
	defer clean()
	if err := s.openTerminal(); err != nil {
		return err
	}
	defer func() {
		_, e := s.tmux("kill-server")
		err = errors.Join(err, e)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	end, err := s.openBrowser(ctx)
	if err != nil {
		return err
	}
	defer end()
	frames, err := s.play()
	if err != nil {
		return err
	}
	if _, err := s.tmux("send-keys", "C-c"); err != nil {
		return err
	}
	if err := s.shows("$", 2); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(pictures, "demo.svg"), []byte(movie("http://"+proxy, frames)), 0o644)
}

// step is one save, and what is to be seen of it.
type step struct {
	caption                string
	file, old, replacement string
	terminal               string // occurs times times in the terminal
	times                  int
	page                   string // JavaScript that is true when the page shows it
}

const panel = `(document.querySelector('hotreload-overlay')?.shadowRoot?.querySelector('.panel')?.textContent ?? '')`

// play makes the edits and records a frame before and after each.
func (s *stage) play() (frames []frame, err error) {
	if _, err := s.tmux("send-keys", "hotreload run --proxy="+proxy, "Enter"); err != nil {
		return nil, err
	}
	if err := s.shows(" live ", 1); err != nil {
		return nil, err
	}
	if err := until("a plan of the build", s.planned); err != nil {
		return nil, err
	}
	if err := s.browse(chromedp.EmulateViewport(pageWidth, pageHeight), chromedp.Navigate("http://"+proxy+"/")); err != nil {
		return nil, err
	}
	first, err := s.frame("", 2.5)
	if err != nil {
		return nil, err
	}
	frames = append(frames, first)
	for _, st := range []step{
		{`main.go:  const name = "world"  ->  "gopher"`,
			"main.go", `name = "world"`, `name = "gopher"`, " live ", 2, `(document.body?.innerText ?? '').includes('gopher')`},
		{`main.go:  const mood = "sea"  ->  sea   (a mistake)`,
			"main.go", `mood = "sea"`, `mood = sea`, " failed ", 1, panel + `.includes('undefined: sea')`},
		{`main.go:  const mood = sea  ->  "forest"`,
			"main.go", `mood = sea`, `mood = "forest"`, " live ", 3, panel + ` == '' && document.documentElement?.dataset.mood == 'forest'`},
		{`templates/greeting.html:  Hello  ->  Good morning`,
			"templates/greeting.html", `}}Hello`, `}}Good morning`, " live ", 4, `(document.body?.innerText ?? '').includes('Good morning')`},
		{`main.go:  only a comment`,
			"main.go", `// EDIT ME: the name that the page greets.`, `// The name that the page greets.`, " not restarted", 1, `true`},
	} {
		before := frames[len(frames)-1]
		before.caption, before.seconds = "save  "+st.caption, 1
		frames = append(frames, before)
		if err := s.edit(st.file, st.old, st.replacement); err != nil {
			return nil, err
		}
		if err := s.shows(st.terminal, st.times); err != nil {
			return nil, err
		}
		if err := until(st.page, func() (bool, error) {
			ok, err := chromedp.Run(s.browser, chromedp.Evaluate[bool](st.page))
			return ok && err == nil, nil // an error: the page is being loaded again
		}); err != nil {
			return nil, err
		}
		after, err := s.frame(before.caption, 3)
		if err != nil {
			return nil, err
		}
		frames = append(frames, after)
		if st.terminal == " failed " {
			if err := s.overlay(); err != nil {
				return nil, err
			}
		}
	}
	frames[len(frames)-1].seconds += 2
	return frames, nil
}

// frame is what the terminal and the browser show now.
func (s *stage) frame(caption string, seconds float64) (frame, error) {
	pane, err := s.tmux("capture-pane", "-p", "-e")
	if err != nil {
		return frame{}, err
	}
	page, err := chromedp.Run(s.browser, chromedp.CaptureScreenshot())
	return frame{pane, caption, page, seconds}, err
}

// overlay is the picture of a page whose program does not build.
func (s *stage) overlay() error {
	if err := s.browse(chromedp.EmulateViewport(1100, 640)); err != nil {
		return err
	}
	png, err := chromedp.Run(s.browser, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(pictures, "overlay.png"), png, 0o644); err != nil {
		return err
	}
	return s.browse(chromedp.EmulateViewport(pageWidth, pageHeight))
}

// stage is a project that is shown, with its terminal and its browser.
type stage struct {
	hotreload, dir string
	env            []string
	browser        context.Context
}

func (s *stage) edit(file, old, replacement string) error {
	path := filepath.Join(s.dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(data), old) {
		return fmt.Errorf("%s has no %q any more", file, old)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(data), old, replacement, 1)), 0o644)
}

func until(what string, cond func() (bool, error)) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok, err := cond(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("it never came: %s", what)
}

func (s *stage) tmux(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-L", filepath.Base(filepath.Dir(s.dir)), "-f", "/dev/null"}, args...)...)
	cmd.Env, cmd.Dir = s.env, s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), err
}

// shows waits until the terminal shows a text so many times.
func (s *stage) shows(text string, times int) error {
	return until(text, func() (bool, error) {
		pane, err := s.tmux("capture-pane", "-p")
		return strings.Count(pane, text) >= times, err
	})
}

func (s *stage) openTerminal() error {
	if _, err := s.tmux("new-session", "-d", "-x", fmt.Sprint(columns), "-y", "60", "sh"); err != nil {
		return err
	}
	// A shell of root has another prompt, whatever the environment says.
	if _, err := s.tmux("send-keys", "PS1='$ '; clear", "Enter"); err != nil {
		return err
	}
	return until("the prompt", func() (bool, error) {
		pane, err := s.tmux("capture-pane", "-p")
		return strings.TrimSpace(pane) == "$", err
	})
}

func (s *stage) openBrowser(ctx context.Context) (end func(), err error) {
	profile, err := os.MkdirTemp("", "profile-")
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, err
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile)}
	for _, f := range []string{
		"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	s.browser, _ = chromedp.NewContext(ctx)
	return func() {
		_ = chromedp.Cancel(s.browser)
		stop()
		os.RemoveAll(profile)
	}, nil
}

func (s *stage) browse(actions ...chromedp.Action[chromedp.Void]) error {
	return chromedp.Do(s.browser, actions...)
}
