//go:build unix

package proc

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLookPath holds that a command is found as a shell would find it in another environment and directory, and what is said of
// one that is not found.
func TestLookPath(t *testing.T) {
	if os.Getuid() == 0 && os.Getenv("LOOKPATH_TEST") == "" {
		// Root may enter every directory, so another user looks.
		self, err := selfPath()
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("/tmp", "lookpath-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Skipf("there is no other user here: %v", err)
		}
		c := exec.Command(self, "-test.run=^TestLookPath$", "-test.v")
		c.Dir, c.Env = "/", []string{"LOOKPATH_TEST=1", "TMPDIR=" + dir}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		said, err := c.CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err != nil && !errors.As(err, &exit):
			t.Skipf("this process cannot be another user: %v", err)
		case err != nil || !strings.Contains(string(said), "--- PASS: TestLookPath/"):
			t.Errorf("as another user: %v\n%s", err, said)
		}
		return
	}
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"a/tool": 0o755, "b/tool": 0o755, "plain/tool": 0o644, "plain/text": 0o644, "closed/tool": 0o755, "tool": 0o755} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(top, "folder", "tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(top, "closed")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(closed, 0o755)

	for _, c := range []struct {
		name string
		path string // PATH, below top; "." at the front: as it is
		look string
		want string // below top
		err  error
	}{
		{"the first one", "a:b", "tool", "a/tool", nil},
		{"relative to the directory", "./b:a", "tool", "b/tool", nil},
		{"an empty entry is the directory", ":a", "tool", "tool", nil},
		{"a directory is no command", "folder:b", "tool", "b/tool", nil},
		{"nor is a file that may not be run", "plain:b", "tool", "b/tool", nil},
		{"a directory that may not be entered", "closed:b", "tool", "b/tool", nil},
		{"an entry that is a file, or not there", "tool:none:b", "tool", "b/tool", nil},
		{"found, but it may not be run", "plain:a", "text", "", fs.ErrPermission},
		{"not found, and one may not be entered", "closed:a", "other", "", fs.ErrNotExist},
		{"not found", "a:b", "other", "", fs.ErrNotExist},
		{"with a slash it is not looked for", "a", "b/tool", "b/tool", nil},
		{"with a slash, and not there", "a", "./other", "", fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries := strings.Split(c.path, ":")
			for i, e := range entries {
				if e != "" && e[0] != '.' {
					entries[i] = filepath.Join(top, e)
				}
			}
			env := []string{"PATH=/nowhere", "PATH=" + strings.Join(entries, ":")} // the last one counts
			got, err := LookPath(env, top, c.look)
			switch {
			case !errors.Is(err, c.err):
				t.Errorf("error %v, want %v", err, c.err)
			case err == nil && got != filepath.Join(top, c.want):
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
