//go:build !linux && !darwin

package watchinfo

// fsType is not known here.
func fsType(string, string) string { return "" }
