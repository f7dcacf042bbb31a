package cli

const (
	reportLaunch = true
	launchCause  = "macOS scans each new program (XProtect)"
	linkerAdvice = "the default linker"
	launchHint   = "add the terminal, and tmux if you use it, in System Settings > Privacy & Security > Developer Tools, and start it again"
)

// fastLinkers: hotreload uses none but the default one here.
var fastLinkers []string
