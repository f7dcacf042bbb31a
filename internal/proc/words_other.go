//go:build !windows && !darwin

package proc

import "fmt"

const accessHint = "ports below 1024 are reserved: use a higher one"

// EndCommand is a command that ends a process, for a hint.
func EndCommand(pid int) string { return fmt.Sprintf("kill %d", pid) }

// ListCommand is a command that shows who listens on a port, for a hint; "": on any port.
func ListCommand(port string) string {
	if port == "" {
		return "ss -ltnp"
	}
	return fmt.Sprintf("sudo ss -ltnp 'sport = :%s'", port)
}
