//go:build unix

package control

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// N5 (35): input is waited for by select as by poll.
func TestAwait(t *testing.T) {
	one, first := pipe(t)
	two, second := pipe(t)
	fds := func() []unix.PollFd {
		const before = unix.POLLNVAL // of an earlier wait
		return []unix.PollFd{{Fd: int32(one.Fd()), Events: unix.POLLIN, Revents: before}, {Fd: int32(two.Fd()), Events: unix.POLLIN, Revents: before}}
	}
	for name, wait := range map[string]func([]unix.PollFd, int) error{"poll": await, "select": choose} {
		for i, w := range []*os.File{first, second} {
			got := fds()
			if err := wait(got, 0); err != nil || got[0].Revents != 0 || got[1].Revents != 0 {
				t.Errorf("%s, nothing there: %v %v", name, got, err)
			}
			if _, err := w.Write([]byte{'x'}); err != nil {
				t.Fatal(err)
			}
			got = fds()
			if err := wait(got, -1); err != nil || got[i].Revents&unix.POLLIN == 0 || got[1-i].Revents != 0 {
				t.Errorf("%s, input %d: %v %v", name, i, got, err)
			}
			if _, err := []*os.File{one, two}[i].Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// One that is not open is not asked about again.
	got := []unix.PollFd{{Fd: 1 << 20, Events: unix.POLLIN}}
	if err := await(got, 0); err != nil || got[0].Revents&unix.POLLNVAL == 0 {
		t.Errorf("%v %v", got, err)
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}
