package control

// cacheVariable is what moves the cache: os.UserCacheDir reads it.
const cacheVariable = "LocalAppData"

// rooted: filepath.EvalSymlinks spells a path as the disk does here, also where an 8.3 name was
// given.
func rooted(path string) string { return path }
