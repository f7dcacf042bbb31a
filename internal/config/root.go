package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// FindRoot finds the project that dir belongs to, upwards: the nearest directory with a
// .hotreload.toml (whose path is configPath), else with a go.work, else with a go.mod,
// else dir itself. root is absolute.
//
// The home directory and the root of a file system are passed over unless dir is that
// directory: a file forgotten there would otherwise capture every project below. They
// count if there is a go.mod and nothing nearer, because then the go command takes it
// too; Refuse has the last word.
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
	if at := upwards(dir, FileName, false); at != "" {
		return at, filepath.Join(at, FileName), nil
	}
	// GOWORK=off turns workspaces off for the go command, so there is none here either.
	if os.Getenv("GOWORK") != "off" {
		if at := upwards(dir, "go.work", false); at != "" {
			return at, "", nil
		}
	}
	if at := upwards(dir, "go.mod", true); at != "" {
		return at, "", nil
	}
	return dir, "", nil
}

// upwards is the nearest directory from dir up that has a file of this name; "" if none.
func upwards(dir, name string, everywhere bool) string {
	for at := dir; ; at = filepath.Dir(at) {
		if everywhere || at == dir || tooBig(at) == "" {
			if info, err := os.Stat(filepath.Join(at, name)); err == nil && !info.IsDir() {
				return at
			}
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// tooBig says what dir is if it is no sensible root; "" if it may be one.
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
	return fmt.Sprintf("start in the project's directory, or name it with --dir; to insist on %s, put a %s there (`hotreload init`)", r.root, FileName)
}

// Refuse is an error, with a Hint() string, if root is the home directory or the root of
// a file system: watching all of it helps nobody. Whoever means it puts a .hotreload.toml
// into that directory.
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
