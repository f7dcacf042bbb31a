package gocmd

import (
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// ModDirs are the directories that the replace lines of a go.mod put in place of modules. file is its name, and base the
// directory of its module: with -modfile they are apart. Not with modfile.ParseLax, which skips replace lines.
func ModDirs(file, base string, text []byte) ([]string, error) {
	f, err := modfile.Parse(file, text, nil)
	if err != nil {
		return nil, err
	}
	return replaced(base, f.Replace), nil
}

// WorkDirs are the directories of the modules that a go.work uses, and those that its replace lines put in
// place of modules.
func WorkDirs(file string, text []byte) (used, replacing []string, err error) {
	f, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return nil, nil, err
	}
	base := filepath.Dir(file)
	for _, u := range f.Use {
		used = append(used, Abs(base, u.Path))
	}
	return used, replaced(base, f.Replace), nil
}

func replaced(base string, lines []*modfile.Replace) (dirs []string) {
	for _, r := range lines {
		if modfile.IsDirectoryPath(r.New.Path) {
			dirs = append(dirs, Abs(base, r.New.Path))
		}
	}
	return dirs
}
