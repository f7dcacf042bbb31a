package cli

const (
	reportLaunch = true
	launchCause  = "an antivirus program, as a rule Microsoft Defender, examines each new one"
	launchHint   = "exclude the process go.exe, as an administrator: Add-MpPreference -ExclusionProcess go.exe; to exclude a directory helps little"
)
