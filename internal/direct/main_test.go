package direct

import (
	"os"
	"testing"

	"github.com/hotreload/hotreload/internal/proc"
)

func TestMain(m *testing.M) {
	proc.Helper()
	Helper()
	proc.Setup()
	niceness = 0 // here all wait for it, and beside the end-to-end tests it would take four times as long
	os.Exit(m.Run())
}
