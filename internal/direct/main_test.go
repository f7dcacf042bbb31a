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
	os.Exit(m.Run())
}
