package cli

// hangup: a console that closes sends SIGTERM on Windows, never SIGHUP.
func hangup(...any) func() bool { return func() bool { return false } }
