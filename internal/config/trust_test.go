package config

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/advice"
)

// A config that another user may write is refused: it can run any command.
func TestTrust(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	const them, others = 65534, 65533
	for _, tt := range []struct {
		name  string
		do    func(t *testing.T, at func(string) string)
		start string // "" is project/sub
		why   string // in the error; "" is trusted
	}{
		{"ours", func(*testing.T, func(string) string) {}, "", ""},
		{"their file in our directory", chown("project/.hotreload.toml", them), "", "project/.hotreload.toml belongs to another user"},
		{"their directory", chown("project", them), "", "project belongs to another user"},
		{"their file and directory", chown("project project/.hotreload.toml", them), "", "belongs to another user"},
		{"their file in a directory for all", both(chmod("project", 0o777|os.ModeSticky), chown("project/.hotreload.toml", them)), "", "belongs to another user"},
		{"our file in a directory for all", chmod("project", 0o777|os.ModeSticky), "", ""},
		{"our file where others may put another", chmod("project", 0o777), "", "project can be changed by every user"},
		{"a file for all", chmod("project/.hotreload.toml", 0o666), "", "can be changed by every user"},
		{"a file for a group", both(chgrp("project/.hotreload.toml", others), chmod("project/.hotreload.toml", 0o664)), "", "can be changed by everyone in its group (gid 65533)"},
		{"a directory for a group", both(chgrp("project", others), chmod("project", 0o775)), "", "project can be changed by everyone in its group"},
		{"a group of our own", both(chmod("project/.hotreload.toml", 0o664), chmod("project", 0o775)), "", ""},
		// The user went there to run that user's program.
		{"all is theirs", chown("project project/.hotreload.toml project/sub", them), "", ""},
		{"all is theirs, with their own group", both(chown("project project/.hotreload.toml project/sub", them), chmod("project/.hotreload.toml", 0o664)), "", ""},
		{"all but the file is another one's", both(chown("project project/sub", others), chown("project/.hotreload.toml", them)), "project", "belongs to another user"},
		// A mount that shows every file as open to all.
		{"all is open", both(chmod("project project/.hotreload.toml project/go.mod", 0o777)), "", ""},
		{"their module file is open", both(chmod("project/.hotreload.toml project/go.mod", 0o666), chown("project/go.mod", them)), "", "can be changed by every user"},
		{"a link of theirs", both(link("project/.hotreload.toml", "elsewhere/c.toml"), chown("project/.hotreload.toml", them)), "", "project/.hotreload.toml belongs to another user"},
		{"a link to a file of theirs", both(link("project/.hotreload.toml", "elsewhere/c.toml"), chown("elsewhere/c.toml", them)), "", "elsewhere/c.toml belongs to another user"},
		{"a link into a directory of theirs", both(link("project/.hotreload.toml", "elsewhere/c.toml"), chown("elsewhere", them)), "", "elsewhere belongs to another user"},
		{"a link of ours", link("project/.hotreload.toml", "elsewhere/c.toml"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := t.TempDir()
			at := func(name string) string { return filepath.Join(base, filepath.FromSlash(name)) }
			for _, d := range []string{"project/sub", "elsewhere"} {
				if err := os.MkdirAll(at(d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range []string{"project/.hotreload.toml", "project/go.mod", "elsewhere/c.toml"} {
				if err := os.WriteFile(at(f), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			tt.do(t, at)
			start := cmp.Or(tt.start, "project/sub")
			err := Trust(at("project/.hotreload.toml"), at(start))
			if tt.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.why) || !strings.Contains(advice.Hint(err), "--config "+at("project/.hotreload.toml")) {
				t.Errorf("%v, want %q", err, tt.why)
			}
		})
	}
}

type change = func(t *testing.T, at func(string) string)

func both(list ...change) change {
	return func(t *testing.T, at func(string) string) {
		for _, do := range list {
			do(t, at)
		}
	}
}

func each(names string, do func(path string) error) change {
	return func(t *testing.T, at func(string) string) {
		for _, n := range strings.Fields(names) {
			if err := do(at(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func chown(names string, uid int) change {
	return each(names, func(path string) error { return os.Lchown(path, uid, uid) })
}

func chgrp(names string, gid int) change {
	return each(names, func(path string) error { return os.Lchown(path, -1, gid) })
}

func chmod(names string, mode os.FileMode) change {
	return each(names, func(path string) error { return os.Chmod(path, mode) })
}

func link(name, to string) change {
	return func(t *testing.T, at func(string) string) {
		if err := errors.Join(os.Remove(at(name)), os.Symlink(at(to), at(name))); err != nil {
			t.Fatal(err)
		}
	}
}
