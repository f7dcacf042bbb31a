package watchinfo

// RaiseHint says what to do when a directory cannot be watched: a watch is a handle here, and there is
// no limit to raise.
func RaiseHint(string, int) string { return "exclude directories" }
