package cli

import (
	"fmt"
	"os/exec"
	"strings"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/proc"
)

// maxEditors is how many commands of proxy.editor may run at a time. Most end at once.
const maxEditors = 8

// editors runs the commands of proxy.editor.
type editors struct {
	dir     string
	running chan struct{}
	failed  func(event.Problem)
}

func newEditors(dir string, failed func(event.Problem)) *editors {
	return &editors{dir, make(chan struct{}, maxEditors), failed}
}

// open starts the command, in its own terminal session: an editor that it starts must not get the
// Ctrl-C for hotreload. Its output is not read, because the editor would keep our pipe open. A command that fails later is reported in the terminal.
func (o *editors) open(argv []string) error {
	select {
	case o.running <- struct{}{}:
	default:
		return fmt.Errorf("%d commands of proxy.editor are still running", maxEditors)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = o.dir
	detach(cmd)
	if err := proc.Apart(cmd.Start); err != nil {
		<-o.running
		return fmt.Errorf("proxy.editor: %w", err)
	}
	go func() {
		err := cmd.Wait()
		<-o.running
		if err != nil {
			o.failed(event.Problem{
				Message: fmt.Sprintf("proxy.editor: `%s`: %v", strings.Join(argv, " "), err),
				Hint:    "proxy.editor is a link, or a command with {file}, {line} and {column}",
			})
		}
	}()
	return nil
}
