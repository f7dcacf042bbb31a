package files

import (
	"os"
	"time"
)

// busyTime is how long a new file may be held by a virus scanner, which opens it right after it was
// written: as long as the go command waits for it.
const busyTime = 2 * time.Second

// Rename is os.Rename, Open os.Open and Remove os.Remove, of files that were just written. On Windows
// they wait for virus scanners and indexers, which hold such a file for a moment.
func Rename(from, to string) error {
	return patiently(busy, time.Sleep, func() error { return os.Rename(from, to) })
}

func Open(path string) (f *os.File, err error) {
	err = patiently(busy, time.Sleep, func() error {
		f, err = os.Open(path)
		return err
	})
	return f, err
}

func Remove(path string) error {
	return patiently(busy, time.Sleep, func() error { return os.Remove(path) })
}

// patiently does something again while its error says that the file is busy, with longer and longer
// sleeps, busyTime in all.
func patiently(busy func(error) bool, sleep func(time.Duration), do func() error) error {
	var slept time.Duration
	for wait := time.Millisecond; ; wait *= 2 {
		err := do()
		if err == nil || slept >= busyTime || !busy(err) {
			return err
		}
		wait = min(wait, busyTime-slept)
		sleep(wait)
		slept += wait
	}
}
