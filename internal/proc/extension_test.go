package proc

import "testing"

// N5 (12): run.command = ["./bin/server"] finds server.exe.
func TestWithExtension(t *testing.T) {
	disk := map[string]bool{
		`C:\p\bin\server.exe`: true, `C:\p\bin\server`: true, `C:\p\tool.cmd`: true, `C:\p\tool.exe`: true,
		`C:\p.1\v1.2.exe`: true, `C:\p.1\plain`: true, `C:\p\app.jar`: true,
	}
	isFile := func(path string) bool { return disk[path] }
	exts := []string{".com", ".exe", ".bat", ".cmd"}
	for path, want := range map[string]string{
		`C:\p\bin\server`:     `C:\p\bin\server.exe`, // not the file without an extension
		`C:\p\bin\server.exe`: `C:\p\bin\server.exe`,
		`C:\p\tool`:           `C:\p\tool.exe`, // in the order of PATHEXT
		`C:\p\tool.cmd`:       `C:\p\tool.cmd`,
		`C:\p.1\v1.2`:         `C:\p.1\v1.2.exe`,
		`C:\p.1\plain`:        ``, // the dot is the directory's
		`C:\p\app.jar`:        `C:\p\app.jar`,
		`C:\p\none`:           ``,
	} {
		if got, found := withExtension(path, exts, isFile); got != want || found != (want != "") {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
