//go:build !linux

package watcher

// foldsCase: macOS and Windows find main.go where the directory says Main.go, so
// after a removal or a rename only the listing tells which name is left.
const foldsCase = true
