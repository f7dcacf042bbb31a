//go:build !darwin && !windows

package control

// CacheVariable is what moves the cache: os.UserCacheDir reads it.
const CacheVariable = "XDG_CACHE_HOME"

// rooted: two spellings are two directories here.
func rooted(path string) string { return path }
