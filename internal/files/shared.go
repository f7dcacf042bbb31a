package files

import (
	"bytes"
	"os"
	"time"
)

// ReadShared is os.ReadFile with OpenShared. It is for sources, which their editor may replace at any moment. It
// waits a moment for who does not share the file.
func ReadShared(path string) ([]byte, error) {
	var f *os.File
	err := patiently(Locked, time.Sleep, func() (err error) {
		f, err = OpenShared(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
		b.Grow(int(fi.Size()) + bytes.MinRead)
	}
	_, err = b.ReadFrom(f)
	return b.Bytes(), err
}
