package watcher

import "strings"

// noiseDir says why a directory of this name is always skipped by default.
func noiseDir(name string) string {
	switch name {
	case ".git", ".hg", ".svn", ".jj":
		return "version control directory"
	case "node_modules":
		return "npm package directory"
	case ".idea", ".vscode":
		return "editor's own directory"
	}
	return ""
}

// noiseFile says why a file of this name is never reported; "" if it may be.
// Every rule is for a name that a tool was seen to write next to the file that it
// saves or builds; dotfiles as such count (.env, .hotreload.toml).
func noiseFile(name string) string {
	const editor = "editor's temporary file"
	switch {
	case name == "":
		return ""
	case strings.HasSuffix(name, "~"), // backups of vim, emacs, nano, gedit; vim's undo files (.x.un~)
		strings.HasPrefix(name, ".#"),                               // emacs' lock, a dangling link that ends in .go
		name[0] == '#' && len(name) > 1 && name[len(name)-1] == '#', // emacs' auto-save
		vimSwap(name), vimProbe(name),
		strings.HasSuffix(name, "___jb_tmp___"), strings.HasSuffix(name, "___jb_old___"),
		strings.HasPrefix(name, "flycheck_"),
		strings.HasPrefix(name, ".goutputstream-"), // GLib: gedit, GNOME Text Editor
		strings.HasPrefix(name, ".~lock."),         // LibreOffice
		strings.HasSuffix(name, ".kate-swp"),
		kakTemp(name),
		randomTail(name, "tmp", 6),                                       // emacs with file-precious-flag
		strings.HasSuffix(name, ".vsctmp"),                               // VS Code
		strings.HasSuffix(name, ".bck") && strings.Contains(name, ".go"), // Helix: main.goXXXXXX.bck
		randomTail(name, ".tmp", 6) && name[0] == '.' && len(name) == 10, // Zed and other users of Rust's tempfile: .tmpXXXXXX
		qtTemp(name), safeSave(name), replaced(name):
		return editor
	case goTemp(name):
		return "temporary file next to a Go file"
	case strings.HasSuffix(name, "-go-tmp-umask"):
		return "temporary file of go build"
	case strings.HasPrefix(name, "__debug_bin"):
		return "debugger binary"
	case len(name) == 9 && randomTail(name, "sed", 6):
		return "temporary file of sed -i"
	case strings.HasPrefix(name, ".nfs"), strings.HasPrefix(name, ".fuse_hidden"):
		return "removed file that is still open"
	case strings.HasPrefix(name, ".merge_file_"):
		return "temporary file of git"
	case strings.HasPrefix(name, ".syncthing."), strings.HasPrefix(name, "~syncthing~"):
		return "temporary file of Syncthing"
	}
	switch name {
	case ".DS_Store", "Thumbs.db", "desktop.ini":
		return "desktop file"
	case ".git": // of a worktree or a submodule
		return "version control file"
	}
	if strings.HasPrefix(name, "._") {
		return "desktop file" // AppleDouble
	}
	return ""
}

// vimSwap: .main.go.swp, and .swo, .swn, ... .swx, when that is taken.
func vimSwap(name string) bool {
	n := len(name)
	return n > 5 && name[0] == '.' && name[n-4:n-1] == ".sw" && 'a' <= name[n-1] && name[n-1] <= 'z'
}

// vimProbe: vim creates the file 4913 to see whether it may write here, and
// adds 123 for as long as the name is taken.
func vimProbe(name string) bool {
	if len(name) != 4 || !digits(name) {
		return false
	}
	v := int(name[0]-'0')*1000 + int(name[1]-'0')*100 + int(name[2]-'0')*10 + int(name[3]-'0')
	return v >= 4913 && (v-4913)%123 == 0
}

// goTemp: gofmt's backup main.go.1234567, and main.go.tmp, main.go.tmp.12.ab of atomic writers.
func goTemp(name string) bool {
	_, tail, ok := strings.Cut(name, ".go.")
	return ok && (digits(tail) || tail == "tmp" || strings.HasPrefix(tail, "tmp."))
}

// qtTemp: Kate and other users of QSaveFile write main.go.XXXXXX (six letters);
// rsync writes .main.go.XXXXXX. A capital is required, so that main.go.backup
// and .env.sample count.
func qtTemp(name string) bool {
	i := strings.LastIndexByte(name, '.')
	return i > 0 && strings.Contains(name[:i], ".") && randomTail(name[i:], ".", 6)
}

// safeSave: TextEdit, Xcode, BBEdit and others of macOS write main.go.sb-1a2b3c4d-XXXXXX.
func safeSave(name string) bool {
	i := strings.LastIndex(name, ".sb-")
	return i > 0 && len(name) == i+len(".sb-1a2b3c4d-XXXXXX") && name[i+12] == '-' && hexadecimal(name[i+4:i+12])
}

// replaced: ReplaceFile of Windows, which Visual Studio and Office save with, keeps the old file as main.go~RF1a2b3c.TMP.
func replaced(name string) bool {
	i := strings.LastIndex(name, "~RF")
	rest, ok := strings.CutSuffix(name[max(i, 0):], ".TMP")
	return i > 0 && ok && hexadecimal(rest[len("~RF"):])
}

func hexadecimal(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// kakTemp: Kakoune with writemethod "replace" writes .main.go.kak.XXXXXX.
func kakTemp(name string) bool {
	i := strings.LastIndex(name, ".kak.")
	return i > 0 && name[0] == '.' && len(name) == i+len(".kak.XXXXXX")
}

// randomTail: prefix and then n random letters and digits, as mkstemp makes
// them. At least one must not be a small letter, so that no word is taken for it.
func randomTail(name, prefix string, n int) bool {
	tail, ok := strings.CutPrefix(name, prefix)
	if !ok || len(tail) != n {
		return false
	}
	random := false
	for _, c := range []byte(tail) {
		switch {
		case 'A' <= c && c <= 'Z':
			random = true
		case '0' <= c && c <= '9':
			random = random || prefix != "."
		case 'a' <= c && c <= 'z':
		default:
			return false
		}
	}
	return random
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
