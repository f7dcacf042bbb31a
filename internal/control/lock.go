// Package control turns what people and programs ask of a running session (keys, signals,
// requests) into commands, and holds the session's lock.
//
// Requests are HTTP on a Unix socket, and on a loopback address if the config names one: curl, an
// editor or the page of the session can send them without a library.
//
// We rejected a pid file: it outlives a session that is killed, and its number may soon belong to
// another process. The lock is an flock, which the system releases however the session ends.
package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
)

// CacheDir returns the private directory of the project with this root: binaries,
// temporary files, logs, state and the session's lock. Builds write and rename
// there, so all of it lies on one file system. It is created, readable by its
// owner alone. One that belongs to another user, or that others may write, is an error:
// programs are run from there.
func CacheDir(root string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		// HOME is unset in containers and in `env -i`. The directory is named by
		// user, so that two users do not meet in it.
		base = ownTemp()
		if err := os.MkdirAll(base, 0o700); err == nil {
			if err := private(base, ownRuntime); err != nil {
				return "", fmt.Errorf("no directory for binaries: %w", err)
			}
		}
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", err
	}
	real = rooted(real)
	sum := sha256.Sum256([]byte(real))
	// The name is for people who look into the directory, the hash for us.
	dir := filepath.Join(base, "hotreload", name(real)+"-"+hex.EncodeToString(sum[:6]))
	if err := make0700(dir); err != nil {
		return "", fmt.Errorf("no directory for binaries: %w", refused(dir, dir, err))
	}
	return dir, nil
}

// make0700 makes the directory of a project, and the one above for all projects, private.
// What may have been changed by others is not used any more.
func make0700(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		if err := ours(dir, ownCache); err != nil {
			return err
		}
	}
	top := filepath.Dir(dir)
	if err := os.MkdirAll(top, 0o700); err != nil {
		return err
	}
	if err := private(top, ownCache); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return private(dir, ownCache)
}

// refused explains why something in a project's cache directory cannot be had.
func refused(cache, path string, err error) error {
	var theirs *ForeignError
	if errors.As(err, &theirs) {
		return err
	}
	of, ok := foreign(path, err, ownCache).(*ForeignError)
	top := filepath.Dir(cache) + string(filepath.Separator)
	if ok && strings.HasPrefix(of.Path+string(filepath.Separator), top) {
		return of
	}
	return advice.With(err, "set "+CacheVariable+" to a writable directory")
}

func name(root string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, filepath.Base(root))
}

// Lock is the right to be the one session of a project. The system releases it
// when the process ends, however it ends, so nothing stale is ever left.
type Lock struct{ f *os.File }

// HeldError says who has the lock.
type HeldError struct {
	PID  int // 0 if it could not be read
	Root string
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("hotreload is already running in %s", e.Root)
	}
	return fmt.Sprintf("hotreload is already running in %s (pid %d)", e.Root, e.PID)
}

// Hint implements the errors' convention.
func (e *HeldError) Hint() string {
	return "one session per project: use that one, or end it with `hotreload stop`"
}

// Acquire takes the lock of the project, or returns a *HeldError.
//
// A session whose cache was removed has lost its lock with it, and still has its socket.
func Acquire(cache, root string) (*Lock, error) {
	path := filepath.Join(cache, "session.lock")
	f, err := openLock(path, os.O_CREATE)
	if err != nil {
		return nil, refused(cache, path, err)
	}
	if err := lockFile(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errHeld) {
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		held := &HeldError{Root: root}
		held.PID, _ = lockText(f)
		return nil, held
	}
	if pid, is := listening(SocketPath(cache)); is {
		f.Close()
		return nil, &HeldError{Root: root, PID: pid}
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, " %d\n%s\n", os.Getpid(), root), 0)
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return &Lock{f}, nil
}

// lockText reads what the owner of the lock has written: its pid, and the project's root.
// Windows locks the first byte against reading; the pid comes after it.
func lockText(f *os.File) (pid int, root string) {
	text, _ := io.ReadAll(io.NewSectionReader(f, 1, 64<<10))
	first, rest, _ := strings.Cut(string(text), "\n")
	pid, _ = strconv.Atoi(strings.TrimSpace(first))
	return pid, strings.TrimSuffix(rest, "\n")
}

// PruneAfter is how long a project must have been without a session, and its root gone,
// before its cache is taken for a leftover.
const PruneAfter = 30 * 24 * time.Hour

// Prune removes the caches next to the given one whose project is gone: drop decides by its
// root and the start of its last session. A cache that is in use stays.
func Prune(cache string, drop func(root string, last time.Time) bool) {
	base := filepath.Dir(cache)
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if dir == cache || !e.IsDir() {
			continue
		}
		f, err := openLock(filepath.Join(dir, "session.lock"), 0)
		if err != nil {
			continue
		}
		gone := false
		if fi, err := f.Stat(); err == nil {
			// The lock is tried last: a live project's must not be found taken, not for an instant.
			_, root := lockText(f)
			gone = root != "" && drop(root, fi.ModTime()) && lockFile(f) == nil
		}
		f.Close() // Windows removes no file that is open
		if gone {
			os.RemoveAll(dir)
		}
	}
}

// Gone is when Prune drops a project for a session that has just begun.
func Gone(root string, last time.Time) bool {
	_, err := os.Stat(root)
	return errors.Is(err, fs.ErrNotExist) && time.Since(last) > PruneAfter
}

// Release gives the lock up.
func (l *Lock) Release() error { return l.f.Close() }
