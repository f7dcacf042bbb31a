package watcher

// foldsCase: on Linux a name that lstat finds is the name in the directory.
const foldsCase = false
