package control

// CacheVariable is what moves the cache: os.UserCacheDir reads it.
const CacheVariable = "LocalAppData"

// rooted: filepath.EvalSymlinks spells a path as the disk does here, also where an 8.3 name was
// given.
func rooted(path string) string { return path }
