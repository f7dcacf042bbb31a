package proc

import "fmt"

const accessHint = "Windows may have reserved the port (see netsh interface ipv4 show excludedportrange protocol=tcp), or another program uses it exclusively: use another one"

// EndCommand is a command that ends a process, for a hint.
func EndCommand(pid int) string { return fmt.Sprintf("taskkill /F /PID %d", pid) }

// ListCommand is a command that shows who listens on a port, for a hint; "": on any port.
func ListCommand(port string) string {
	if port == "" {
		return "netstat -ano"
	}
	return fmt.Sprintf("netstat -ano | findstr :%s", port)
}
