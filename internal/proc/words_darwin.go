package proc

import "fmt"

const accessHint = "without root, a port below 1024 works only on all addresses (\":80\"): use a higher one"

// EndCommand is a command that ends a process, for a hint.
func EndCommand(pid int) string { return fmt.Sprintf("kill %d", pid) }

// ListCommand is a command that shows who listens on a port, for a hint; "": on any port.
func ListCommand(port string) string {
	if port == "" {
		return "lsof -nP -iTCP -sTCP:LISTEN"
	}
	return fmt.Sprintf("sudo lsof -nP -iTCP:%s -sTCP:LISTEN", port)
}
