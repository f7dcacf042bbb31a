//go:build unix

// Img makes the pictures of the README from the real thing: it runs hotreload on a copy of
// examples/hello, in a terminal (tmux) and behind a page in a browser (Chromium), edits the
// program as a person would, and keeps what is to be seen.
//
//	make pictures
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	hotreload := flag.String("hotreload", "bin/hotreload", "the `binary` to show")
	flag.Parse()
	if err := pictures(*hotreload); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// patience is for a build on a slow machine.
const patience = 2 * time.Minute

func pictures(hotreload string) error {
	hotreload, err := filepath.Abs(hotreload)
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "pictures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	s := &stage{hotreload: hotreload, dir: filepath.Join(home, "hello")}
	for _, addr := range []string{app, proxy} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("the pictures show this address: %w", err)
		}
		l.Close()
	}
	// The home directory of the pictures is the temporary one, the toolchain's is not.
	goenv, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		return err
	}
	dirs := strings.Split(strings.TrimSpace(string(goenv)), "\n")
	s.env = append(os.Environ(), "HOME="+home, "GOCACHE="+dirs[0], "GOMODCACHE="+dirs[1], "GOPATH="+dirs[2],
		"PATH="+filepath.Dir(hotreload)+":"+os.Getenv("PATH"), "TERM=xterm-256color", "CI=")
	for _, picture := range []func() error{s.terminal, s.overlay} {
		if err := os.CopyFS(s.dir, os.DirFS("examples/hello")); err != nil {
			return err
		}
		if err := picture(); err != nil {
			return err
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return err
		}
	}
	return nil
}

const (
	app   = "127.0.0.1:8080"
	proxy = "127.0.0.1:8090"
)

// stage is a project that is shown.
type stage struct {
	hotreload, dir string
	env            []string
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

// terminal shows a save, a mistake and its repair, and a change of a template.
func (s *stage) terminal() (err error) {
	tmux := func(args ...string) (string, error) {
		cmd := exec.Command("tmux", append([]string{"-L", filepath.Base(filepath.Dir(s.dir)), "-f", "/dev/null"}, args...)...)
		cmd.Env, cmd.Dir = s.env, s.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
		}
		return string(out), err
	}
	if _, err := tmux("new-session", "-d", "-x", "92", "-y", "40", "sh"); err != nil {
		return err
	}
	defer func() {
		_, e := tmux("kill-server")
		err = errors.Join(err, e)
	}()
	shows := func(text string, times int) error {
		return until(text, func() (bool, error) {
			pane, err := tmux("capture-pane", "-p")
			return strings.Count(pane, text) >= times, err
		})
	}
	// A shell of root has another prompt, whatever the environment says.
	if _, err := tmux("send-keys", "PS1='$ '; clear", "Enter"); err != nil {
		return err
	}
	if err := until("the prompt", func() (bool, error) {
		pane, err := tmux("capture-pane", "-p")
		return strings.TrimSpace(pane) == "$", err
	}); err != nil {
		return err
	}
	if _, err := tmux("send-keys", "hotreload run", "Enter"); err != nil {
		return err
	}
	for _, step := range []struct {
		file, old, replacement string
		shows                  string
		times                  int
	}{
		{"", "", "", " live ", 1},
		{"main.go", `name = "world"`, `name = "gopher"`, " live ", 2},
		{"main.go", `mood = "sea"`, `mood = sea`, " failed ", 1},
		{"main.go", `mood = sea`, `mood = "forest"`, " live ", 3},
		{"templates/greeting.html", `Hello`, `Good morning`, " live ", 4},
		{"main.go", `// EDIT ME: the name`, `// The name`, " not restarted", 1},
	} {
		if step.file != "" {
			if err := s.edit(step.file, step.old, step.replacement); err != nil {
				return err
			}
		}
		if err := shows(step.shows, step.times); err != nil {
			return err
		}
		if step.file == "" {
			if err := until("a plan of the build", s.planned); err != nil {
				return err
			}
		}
	}
	pane, err := tmux("capture-pane", "-p", "-e")
	if err != nil {
		return err
	}
	if _, err := tmux("send-keys", "C-c"); err != nil {
		return err
	}
	if err := shows("$", 2); err != nil {
		return err
	}
	return os.WriteFile("docs/img/terminal.svg", []byte(svg(pane)), 0o644)
}

// planned reports whether the direct engine is ready: it takes its plan beside the first
// build, and a person who looks at the page before the first edit leaves it the time.
func (s *stage) planned() (bool, error) {
	cmd := exec.Command(s.hotreload, "status", "--json")
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.Output()
	if err != nil {
		return false, fmt.Errorf("hotreload status: %w", err)
	}
	var status struct {
		Services []struct {
			Direct *struct {
				Ready bool `json:"ready"`
			} `json:"direct"`
		} `json:"services"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return false, err
	}
	for _, v := range status.Services {
		if v.Direct != nil && !v.Direct.Ready {
			return false, nil
		}
	}
	return true, nil
}

// overlay shows a page whose program does not build.
func (s *stage) overlay() (err error) {
	cmd := exec.Command(s.hotreload, "run", "--set", "proxy.listen="+proxy)
	cmd.Dir, cmd.Env = s.dir, s.env
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err = errors.Join(err, cmd.Wait())
	}()
	if err := until("the page", func() (bool, error) {
		c, err := net.Dial("tcp", proxy)
		if err == nil {
			c.Close()
		}
		return err == nil, nil
	}); err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "profile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	path, err := exec.LookPath("chromium")
	if err != nil {
		return err
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile)}
	for _, f := range []string{
		"headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1100, 640), chromedp.Navigate("http://"+proxy+"/")); err != nil {
		return err
	}
	if err := s.edit("main.go", `mood = "sea"`, `mood = sea`); err != nil {
		return err
	}
	const panel = `document.querySelector('hotreload-overlay')?.shadowRoot.querySelector('.panel')?.textContent ?? ''`
	if err := until("the overlay", func() (bool, error) {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](panel))
		return strings.Contains(text, "undefined: sea"), err
	}); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	_ = chromedp.Cancel(ctx)
	return os.WriteFile("docs/img/overlay.png", png, fs.FileMode(0o644))
}
