//go:build !linux

package filestat

// Raw is OfLink, or Of with follow, for a path that ends in a zero byte.
func Raw(path []byte, follow bool) (Stat, error) { return rawByName(path, follow) }
