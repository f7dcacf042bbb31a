//go:build !darwin && !windows

package cli

const (
	reportLaunch = false // unless it is slow
	launchCause  = "something scans each new program, or the disk is slow"
	launchHint   = "look for an antivirus program that scans on access, and exclude hotreload's cache directory"
	linkerAdvice = "the default linker (install mold for faster links)"
)

// fastLinkers are those that build.linker = "auto" takes, in this order.
var fastLinkers = []string{"mold", "ld.lld"}
