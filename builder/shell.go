package builder

import (
	"errors"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
)

// shellCommand is the command that runs a string in the shell. cmdLine is not empty on Windows, whose
// cmd.exe does not understand the quoting by which argv would become a command line.
type shellCommand struct {
	argv    []string
	cmdLine string
}

// cmdCommand runs a string in cmd.exe as Node.js does: /s removes the outer quotes, and only them. A
// batch file was rejected: there a percent sign means a variable, and a line that runs another batch
// file, as npm is one, does not return. So only one line is possible.
func cmdCommand(cmd, script string) (shellCommand, error) {
	script = strings.TrimSpace(script)
	if strings.ContainsAny(script, "\r\n") {
		return shellCommand{}, advice.With(errors.New("cmd.exe runs one line only, and this string has several"),
			"use a list of commands where the setting takes one, or one line with && between the commands")
	}
	return shellCommand{
		argv:    []string{cmd, "/d", "/s", "/c", script},
		cmdLine: `"` + cmd + `" /d /s /c "` + script + `"`,
	}, nil
}
