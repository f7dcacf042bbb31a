// Package testkit holds what the tests of several packages need: files, waiting, leaks,
// processes, and addresses to listen on.
//
// It imports no package of this module, so that the tests of every package can use it, also
// those of proc, on which all the others depend. Only tests import it; a test in internal/house
// checks this. A helper that only one package needs stays with that package.
package testkit

import (
	"flag"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Deadline ends a test that hangs. Nothing is measured with it, so it leaves time for a machine
// that does other work.
const Deadline = 3 * time.Minute

// Main runs the tests of a package, ends what they shared, and then checks that no goroutine is
// left. It is the last statement of a TestMain.
func Main(m *testing.M, shared ...func()) {
	// proc keeps both for as long as the process lives.
	const proc = "github.com/hotreload/hotreload/internal/proc."
	goleak.VerifyTestMain(tests{m, shared}, goleak.IgnoreAnyFunction(proc+"forkThread"), goleak.IgnoreAnyFunction(proc+"reapOrphans"))
}

type tests struct {
	*testing.M
	shared []func()
}

func (t tests) Run() int {
	code := t.M.Run()
	for _, end := range t.shared {
		end()
	}
	return code
}

// Parallel lets n tests per core run at the same time, for tests that wait more than they work.
// An explicit -parallel takes precedence.
func Parallel(n int) {
	flag.Parse()
	explicit := false
	flag.Visit(func(f *flag.Flag) { explicit = explicit || f.Name == "test.parallel" })
	if !explicit {
		_ = flag.Set("test.parallel", strconv.Itoa(n*runtime.GOMAXPROCS(0)))
	}
}

// Long skips a test that -short leaves out, with its name and the reason.
func Long(t testing.TB, reason string) {
	t.Helper()
	if testing.Short() {
		t.Skipf("%s is not run with -short: %s", t.Name(), reason)
	}
}

// Slow skips a test that -short leaves out, so that `make test` takes a few minutes, and `make ci` less than 45.
func Slow(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skipf("%s takes long: make ci runs it", t.Name())
	}
}

// Size is how often a test repeats itself: all of it, or a few rounds with -short.
func Size(all, short int) int {
	if testing.Short() {
		return short
	}
	return all
}

// Write writes a file and makes its directories. A text that begins with "#!" is executable.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(text, "#!") {
		WriteProgram(t, path, []byte(text))
	} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// WriteProgram writes a file that can be run at once. A process that is forked while the file is open
// for writing would keep it open until its exec; meanwhile the system refuses to run it (ETXTBSY).
func WriteProgram(t testing.TB, path string, data []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// Read returns the content of a file.
func Read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Plant writes files by their names relative to root.
func Plant(t testing.TB, root string, files map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		Write(t, filepath.Join(root, filepath.FromSlash(name)), files[name])
	}
}

// TempDir is t.TempDir without links in its path.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Symlink makes a link. false: this system makes none. Windows asks for a privilege, and Wine reports success without a link.
func Symlink(t testing.TB, target, link string) bool {
	t.Helper()
	err := os.Symlink(target, link)
	if err == nil {
		_, err = os.Lstat(link)
	}
	if err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	return err == nil
}

// Until waits for a condition that no event announces. It asks often at first, then less often:
// many conditions ask a browser or start a process, and what is asked for needs the processor.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	start := time.Now()
	for !ok() {
		waited := time.Since(start)
		if waited > Deadline {
			t.Fatalf("never true: %s", what)
		}
		time.Sleep(min(max(waited/10, 2*time.Millisecond), 25*time.Millisecond))
	}
}

// Receive waits for a value from a channel, or for its end.
func Receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(Deadline)
	defer timeout.Stop()
	select {
	case v := <-c:
		return v
	case <-timeout.C:
		t.Fatalf("never came: %s", what)
		panic("unreachable")
	}
}

// Listener is a listening TCP socket as a file, as programs inherit it.
func Listener(t testing.TB) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
