package cli

const (
	reportLaunch = true
	launchCause  = "an antivirus program, usually Microsoft Defender, scans each new program"
	launchHint   = "exclude the process go.exe, as an administrator: Add-MpPreference -ExclusionProcess go.exe; excluding a directory does not help much"
)
