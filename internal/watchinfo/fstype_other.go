//go:build !linux && !darwin && !windows

package watchinfo

// fsType is not known here.
func fsType(string, string) string { return "" }
