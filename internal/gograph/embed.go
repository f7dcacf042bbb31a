package gograph

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/internal/gocmd"
)

// embedDirs calls add with every directory in which a new file could match the pattern: those the pattern names and all
// below them, and those whose entries it globs. Directories that the pattern names literally are added although they do not
// exist: the output of a bundler, which git usually ignores, may be yet to come.
func embedDirs(pkgdir, pattern string, add func(dir string)) {
	t := gocmd.ExpandEmbed(pkgdir, pattern)
	if len(t.Levels) == 0 {
		return // the pattern is not valid
	}
	add(pkgdir)
	for _, d := range t.Missing {
		add(d)
	}
	for _, names := range t.Levels[:len(t.Levels)-1] {
		for _, d := range names {
			if info, err := os.Lstat(d); err == nil && info.IsDir() {
				add(d)
			}
		}
	}
	for _, m := range t.Roots() {
		if info, err := os.Lstat(m); err == nil && info.IsDir() && !gocmd.BadEmbedName(filepath.Base(m)) {
			embeddedDirs(m, t.All, add)
		}
	}
}

// embeddedDirs calls add with root and all directories below it of which go embeds the files.
func embeddedDirs(root string, hidden bool, add func(dir string)) {
	_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read has no files to watch
		}
		if p != root {
			if gocmd.BadEmbedName(d.Name()) || gocmd.Hidden(d.Name()) && !hidden {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
				return fs.SkipDir
			}
		}
		add(p)
		return nil
	})
}
