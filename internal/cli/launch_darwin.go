package cli

const (
	reportLaunch = true
	launchCause  = "macOS scans each new program (XProtect)"
	launchHint   = "add the terminal, and tmux if you use it, in System Settings > Privacy & Security > Developer Tools, and start it again"
)
