package builder

import (
	"testing"

	"github.com/hotreload/hotreload/internal/advice"
)

// N5 (11): a string for the shell of Windows comes there as it is written.
func TestCmdCommand(t *testing.T) {
	const cmd = `C:\Windows\System32\cmd.exe`
	for script, want := range map[string]string{
		`npm run css`:                      `npm run css`,
		`git log --format=%h`:              `git log --format=%h`,
		`go build -ldflags "-X m.v=%d%" .`: `go build -ldflags "-X m.v=%d%" .`,
		`"a b.exe" "c d" && echo ü`:        `"a b.exe" "c d" && echo ü`,
		"\n  go build .\r\n":               `go build .`,
	} {
		got, err := cmdCommand(cmd, script)
		if err != nil || got.cmdLine != `"`+cmd+`" /d /s /c "`+want+`"` || got.argv[0] != cmd {
			t.Errorf("%q: %q, %v", script, got, err)
		}
	}
	for _, script := range []string{"npm run css\ngo build .", "a\r\nb", "a\rb"} {
		if got, err := cmdCommand(cmd, script); err == nil || advice.Hint(err) == "" {
			t.Errorf("%q: %q, %v", script, got, err)
		}
	}
}

// A shell that does not take a string says so, with what to do.
func TestShellRefuses(t *testing.T) {
	_, err := cmdCommand("cmd", "a\nb")
	b := newBuilder(t, Options{Dir: t.TempDir(), Command: Step{Shell: "true"}})
	if summary, hint := b.notStarted(failure{step: Step{Shell: "a\nb"}, end: ending{err: err}}); summary != err.Error() || hint != advice.Hint(err) {
		t.Errorf("%s, hint %q", summary, hint)
	}
}
