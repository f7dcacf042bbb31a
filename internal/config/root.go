package config

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/internal/files"
)

// FindRoot finds the project that dir belongs to, upwards: the nearest directory with a
// .hotreload.toml (whose path is configPath), else with a go.work, else with a go.mod,
// else dir itself. root is absolute. A config is looked for no higher than the top of the
// repository, or, outside of one, than the go.work or go.mod that the go command takes:
// what is above is not part of the project. Whether the config may be used is
// decided by Trust.
//
// The home directory and the root of a file system are passed over unless dir is that
// directory: a file left there by mistake would otherwise apply to every project below. They
// count if there is a go.mod and nothing nearer, because then the go command takes it
// too; Refuse decides.
func FindRoot(dir string) (root, configPath string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", "", err
	}
	if !info.IsDir() {
		return "", "", fmt.Errorf("%s is not a directory", dir)
	}
	sensible := func(at string) bool { return at == dir || tooBig(at) == "" }
	root = ""
	// GOWORK=off turns workspaces off for the go command, so there is none here either.
	if os.Getenv("GOWORK") != "off" {
		root = upwards(dir, "", func(at string) bool { return sensible(at) && isFile(at, "go.work") })
	}
	if root == "" {
		root = upwards(dir, "", func(at string) bool { return isFile(at, "go.mod") })
	}
	top := upwards(dir, "", func(at string) bool {
		_, err := os.Lstat(filepath.Join(at, ".git")) // in a worktree it is a file
		return err == nil
	})
	if top == "" {
		top = root
	}
	if at := upwards(dir, top, func(at string) bool { return sensible(at) && isFile(at, FileName) }); at != "" {
		return at, filepath.Join(at, FileName), nil
	}
	if root == "" {
		root = dir
	}
	return root, "", nil
}

// upwards is the nearest directory from dir up to top (empty: the root of the file system)
// that is the one; "" if none.
func upwards(dir, top string, is func(at string) bool) string {
	for at := dir; ; at = filepath.Dir(at) {
		switch {
		case is(at):
			return at
		case at == top || at == filepath.Dir(at):
			return ""
		}
	}
}

// isFile reports whether there is something of that name that is no directory.
func isFile(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && !info.IsDir()
}

// Trust is an error, with a Hint() string, if a config that FindRoot has found must not be
// used: it is a program that hotreload runs, so a user who can write it acts as the user who
// starts hotreload. start is the directory where that was done.
//
// The file, the directory it was found in and, for a link, its target and the target's
// directory must belong to us or to root, and no other user may write them. There are two
// exceptions. What belongs to the owner of the directory of the start: who goes there to run
// the program runs that user's code anyway, as root does in a container over a project
// that belongs to a user of the host. And what is as open as the go.mod next to it: who
// writes that changes the program too, and where a mount shows every file as open to
// everyone (drvfs, vboxsf), more cannot be required. On Windows, nothing is checked.
func Trust(file, start string) error {
	dir := filepath.Dir(file)
	like := filepath.Join(dir, "go.mod")
	if !isFile(dir, "go.mod") {
		like = filepath.Join(dir, "go.work")
	}
	var owners []uint32
	if uid, ok := files.Owner(start); ok {
		owners = append(owners, uid)
	}
	if why := files.Untrusted(file, dir, like, owners...); why != "" {
		return &untrusted{file: file, why: why}
	}
	return nil
}

type untrusted struct{ file, why string }

func (e *untrusted) Error() string {
	return fmt.Sprintf("%s is not used: %s, and a config can run any command", e.file, e.why)
}

func (e *untrusted) Hint() string {
	return fmt.Sprintf("if you trust it, use --config %s; if it is not yours, `hotreload init` writes one for this project", e.file)
}

// tooBig is what dir is, if it is not a sensible root; "" if it may be one.
func tooBig(dir string) string {
	// The root of a file system, also "C:\", is its own parent.
	if filepath.Dir(dir) == dir {
		return "the root of the file system"
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		if filepath.Clean(home) == dir {
			return "your home directory"
		}
		h, errHome := os.Stat(home)
		d, errDir := os.Stat(dir)
		if errHome == nil && errDir == nil && os.SameFile(h, d) {
			return "your home directory"
		}
	}
	return ""
}

type refusal struct{ root, what string }

func (r *refusal) Error() string {
	return fmt.Sprintf("refusing to watch %s: it is %s", r.root, r.what)
}

func (r *refusal) Hint() string {
	return fmt.Sprintf("start in the project's directory, or name it with --dir; to use %s anyway, put a %s there (`hotreload init`)", r.root, FileName)
}

// Refuse is an error, with a Hint() string, if root is the home directory or the root of
// a file system: watching all of it is a mistake. If it is not, a .hotreload.toml in that
// directory allows it.
func Refuse(root string) error {
	abs, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	what := tooBig(abs)
	if what == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Join(abs, FileName)); err == nil && !info.IsDir() {
		return nil
	}
	return &refusal{root: abs, what: what}
}
