//go:build unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hotreload/hotreload/internal/testkit"
)

// editor is a program in which a person changes a word and saves.
type editor struct {
	programs []string                             // the first one that is installed
	args     []string                             // without the settings of whoever runs the test
	change   func(old, replacement string) string // the keys
	save     string
	quit     string
	ways     map[string][]string // more arguments: the ways in which it may write a file
}

func ex(old, replacement string) string { return fmt.Sprintf(":%%s/%s/%s/\r", old, replacement) }

var editors = map[string]editor{
	"vim": {
		programs: []string{"vim", "vim.tiny"},
		args:     []string{"-u", "NONE", "-i", "NONE", "-N"},
		change:   ex, save: ":w\r", quit: ":q\r",
		ways: map[string][]string{
			"as it comes":               nil,
			"in place, backup kept":     {"-c", "set backupcopy=yes writebackup backup"},
			"in place, backup removed":  {"-c", "set backupcopy=yes writebackup nobackup"},
			"in place, without backup":  {"-c", "set nowritebackup nobackup"},
			"by rename, backup kept":    {"-c", "set backupcopy=no writebackup backup"},
			"by rename, backup removed": {"-c", "set backupcopy=no writebackup nobackup"},
			"with an undo file":         {"-c", "silent! set undofile undodir=."},
		},
	},
	"nvim": {
		programs: []string{"nvim"},
		args:     []string{"-u", "NONE", "-i", "NONE"},
		change:   ex, save: ":w\r", quit: ":q\r",
		ways: map[string][]string{
			"as it comes": nil,
			"in place":    {"--cmd", "set directory=. backupdir=.", "-c", "set backupcopy=yes writebackup backup"},
			"by rename":   {"--cmd", "set directory=. backupdir=.", "-c", "set backupcopy=no writebackup undofile undodir=."},
		},
	},
	"emacs": {
		programs: []string{"emacs"},
		args:     []string{"-nw", "-Q"},
		change: func(old, replacement string) string {
			return "\x1b<\x1bxreplace-string\r" + old + "\r" + replacement + "\r" +
				"\x1bxdo-auto-save\r" // #version.go#, beside the lock .#version.go
		},
		save: "\x18\x13", quit: "\x18\x03",
		ways: map[string][]string{
			"as it comes":            nil,
			"in place":               {"--eval", "(setq backup-by-copying t)"},
			"by a file of its own":   {"--eval", "(setq file-precious-flag t)"},
			"numbered backups":       {"--eval", "(setq version-control t)"},
			"without lock or backup": {"--eval", "(setq create-lockfiles nil make-backup-files nil auto-save-default nil)"},
		},
	},
	"nano": {
		programs: []string{"nano"},
		args:     []string{"-I"},
		change:   func(old, replacement string) string { return "\x1c" + old + "\r" + replacement + "\rA" },
		save:     "\x13", quit: "\x18",
		ways: map[string][]string{
			"as it comes":          nil,
			"with lock and backup": {"-B", "-G"},
		},
	},
	"kak": {
		programs: []string{"kak"},
		args:     []string{"-n"},
		change:   func(old, replacement string) string { return "%|sed s/" + old + "/" + replacement + "/\r" },
		save:     ":w\r", quit: ":q!\r",
		ways: map[string][]string{
			"as it comes": nil,
			"by rename":   {"-e", "set-option global writemethod replace"},
		},
	},
	"micro": {
		programs: []string{"micro"},
		args:     []string{"-config-dir", "$HOME"},
		change:   func(old, replacement string) string { return "\x05replaceall " + old + " " + replacement + "\r" },
		save:     "\x13", quit: "\x11",
		ways: map[string][]string{"as it comes": nil},
	},
}

// L3: real editors, in the ways in which they can be set to write a file: one restart for
// each save, with what was saved; their locks, backups and temporary files are not seen.
func TestL3Editors(t *testing.T) {
	t.Parallel()
	for name, e := range editors {
		t.Run(name, func(t *testing.T) {
			if name != "vim" {
				testkit.Slow(t)
			}
			var program string
			for _, p := range e.programs {
				if path, err := exec.LookPath(p); err == nil {
					program = path
					break
				}
			}
			if program == "" {
				t.Skipf("%s is not installed", name)
			}
			w := startWeb(t, newApp(t, webApp), nil)
			version := "one"
			for way, more := range e.ways {
				if testing.Short() && more != nil {
					continue
				}
				w.settle()
				opened := w.mark()
				x, cmd := e.open(t, program, more, w.dir)
				for i := range 2 {
					saved := w.mark()
					next := fmt.Sprintf("%s%d", strings.ReplaceAll(strings.ReplaceAll(way, " ", ""), ",", ""), i)
					x.press(e.change(version, next) + e.save)
					version = next
					w.waitFor("live")
					w.settle()
					w.savedOnce(way, saved)
					if a := w.answer(); a.version != version {
						t.Errorf("%s: the program says %q, saved was %q", way, a.version, version)
					}
				}
				closing := w.mark()
				x.press(e.save + e.quit) // and once more without a change
				x.ends(cmd)
				w.settle()
				if n := count(w.since(closing), "started"); n != 0 {
					t.Errorf("%s: %d restarts for a save without a change", way, n)
				}
				w.onlyChanged(way, opened, "version.go")
				if t.Failed() {
					t.Fatalf("terminal of %s, %s:\n%q", name, way, x.text())
				}
			}
		})
	}
}

// open starts the editor in a terminal of its own, and returns when it takes keys.
func (e editor) open(t *testing.T, program string, more []string, dir string) (*tty, *exec.Cmd) {
	t.Helper()
	x, slave := newTTY(t)
	home := t.TempDir()
	cmd := exec.Command(program)
	for _, a := range append(append([]string{}, e.args...), more...) {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(a, "$HOME", home))
	}
	cmd.Args = append(cmd.Args, "version.go")
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "XDG_DATA_HOME="+home,
		"XDG_CACHE_HOME="+home, "XDG_RUNTIME_DIR="+home, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	x.see("Version")
	until(t, "the editor takes keys", x.keyMode)
	return x, cmd
}

// ends waits for the end of a program in this terminal, which closes with it.
func (x *tty) ends(cmd *exec.Cmd) {
	x.t.Helper()
	until(x.t, cmd.Path+" ends", func() bool { return ended(cmd.Process.Pid) })
}

// savedOnce checks that since the mark one program took the place of one other.
func (w *web) savedOnce(how string, mark int) {
	w.t.Helper()
	events := w.since(mark)
	for _, name := range []string{"build_finished", "exited", "started", "live"} {
		if n := count(events, name); n != 1 {
			w.t.Errorf("%s: %d events %s for one save", how, n, name)
		}
	}
}

// unknowable are the names that emacs makes of "tmp" and six random characters when all of
// them happen to be small letters: it could be any file.
var unknowable = regexp.MustCompile("^tmp[a-z]{6}$")

// onlyChanged checks that since the mark no other file was seen to change.
func (w *web) onlyChanged(how string, mark int, file string) {
	w.t.Helper()
	for _, e := range w.since(mark) {
		if e.Event != "changed" {
			continue
		}
		for _, p := range e.strs("paths") {
			if name := filepath.Base(p); name != file && !strings.HasPrefix(name, "zz-settle-") && !unknowable.MatchString(name) {
				w.t.Errorf("%s: %s was seen", how, name)
			}
		}
	}
}

// L3: tools that change a file, and editors that cannot be had here, as they save.
func TestL3Tools(t *testing.T) {
	testkit.Slow(t)
	t.Parallel()
	w := startWeb(t, newApp(t, webApp), nil)
	path := filepath.Join(w.dir, "version.go")
	version := "one"
	text := func(v string) []byte { return []byte(fmt.Sprintf("package main\n\nconst Version = %q\n", v)) }
	run := func(argv ...string) error {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = w.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%v: %w: %s", argv, err, out)
		}
		return nil
	}
	for _, c := range []struct {
		name string
		save func(next string) error
	}{
		{"sed -i", func(next string) error {
			return run(slices.Concat(sedInPlace, []string{"s/" + version + "/" + next + "/", "version.go"})...)
		}},
		{"gofmt -w", func(next string) error {
			return run("gofmt", "-w", "-r", fmt.Sprintf("%q -> %q", version, next), "version.go")
		}},
		{"JetBrains safe write", func(next string) error {
			tmp, old := path+"___jb_tmp___", path+"___jb_old___"
			if err := os.WriteFile(tmp, text(next), 0o644); err != nil {
				return err
			}
			if err := os.Rename(path, old); err != nil {
				return err
			}
			if err := os.Rename(tmp, path); err != nil {
				return err
			}
			return os.Remove(old)
		}},
		{"VS Code", func(next string) error { return os.WriteFile(path, text(next), 0o644) }},
		{"renamed into place", func(next string) error {
			tmp := filepath.Join(filepath.Dir(w.dir), "outside")
			if err := os.WriteFile(tmp, text(next), 0o644); err != nil {
				return err
			}
			return os.Rename(tmp, path)
		}},
		{"removed and linked", func(next string) error {
			tmp := filepath.Join(filepath.Dir(w.dir), "outside")
			if err := os.WriteFile(tmp, text(next), 0o644); err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			if err := os.Link(tmp, path); err != nil {
				return err
			}
			return os.Remove(tmp)
		}},
		{"in two steps, 5 ms apart", func(next string) error {
			if err := os.Truncate(path, 0); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond) // the pause is the subject
			return os.WriteFile(path, text(next), 0o644)
		}},
	} {
		w.settle()
		mark := w.mark()
		next := "v" + strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r
			}
			return -1
		}, c.name)
		if err := c.save(next); err != nil {
			t.Fatal(err)
		}
		version = next
		w.waitFor("live")
		w.settle()
		w.savedOnce(c.name, mark)
		w.onlyChanged(c.name, mark, "version.go")
		if a := w.answer(); a.version != version {
			t.Errorf("%s: the program says %q, saved was %q", c.name, a.version, version)
		}
	}
}
