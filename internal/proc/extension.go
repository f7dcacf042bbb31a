package proc

import "strings"

// withExtension is the program that Windows means by a path, whose extension may be left out. A path
// without one is never a program itself.
func withExtension(path string, exts []string, isFile func(string) bool) (string, bool) {
	name := path[strings.LastIndexAny(path, `\/:`)+1:]
	if strings.Contains(name, ".") && isFile(path) {
		return path, true
	}
	for _, e := range exts {
		if isFile(path + e) {
			return path + e, true
		}
	}
	return "", false
}
