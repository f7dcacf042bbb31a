package config

// Signal is the name of a signal: "SIGTERM".
type Signal string

// signalNames are the names a file may use; the same on every platform, so that a file
// can be shared. Number reports whether this platform has a signal.
var signalNames = []string{
	"SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2",
	"SIGABRT", "SIGALRM", "SIGCONT", "SIGPIPE", "SIGTSTP", "SIGWINCH",
}
