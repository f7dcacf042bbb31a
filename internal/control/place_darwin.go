package control

import "os"

// CacheVariable is what moves the cache: os.UserCacheDir is ~/Library/Caches here.
const CacheVariable = "HOME"

// rooted is the path of a project's root with its links followed, as the disk spells it: disks
// ignore case here, and filepath.EvalSymlinks keeps the case that was typed.
func rooted(path string) string {
	names := func(dir string) (names []string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	same := func(a, b string) bool {
		x, err := os.Stat(a)
		y, err2 := os.Stat(b)
		return err == nil && err2 == nil && os.SameFile(x, y)
	}
	return spelled(path, names, same)
}
