package e2e

import (
	"fmt"
	"testing"
)

// E9: --once passes on how the program ended: 128 and the number of any signal.
func TestE9OnceSignals(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 31; n++ {
		switch n {
		case 17, 18, 19, 20, 21, 22, 23, 28: // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH end nobody
			continue
		}
		dir := shell(t, fmt.Sprintf("[run]\ncommand = [\"sh\", \"-c\", \"kill -%d $$\"]\n", n))
		if a := ask(t, dir, "run", "--once"); a.code != 128+n {
			t.Errorf("signal %d: exit %d, want %d\n%s", n, a.code, 128+n, a.err)
		}
	}
}
