package cli

const (
	reportLaunch = true
	launchCause  = "an antivirus program, usually Microsoft Defender, scans each new program"
	linkerAdvice = "the default linker"
	launchHint   = "exclude the process go.exe, as an administrator: Add-MpPreference -ExclusionProcess go.exe; excluding a directory does not help much"
)

// fastLinkers: hotreload uses none but the default one here.
var fastLinkers []string
