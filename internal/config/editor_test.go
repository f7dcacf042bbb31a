package config

import (
	"slices"
	"strings"
	"testing"
)

// P4: proxy.editor is a link, or a command that no shell reads; what is neither is refused when the
// file is read.
func TestEditor(t *testing.T) {
	for _, c := range []struct {
		text, link string
		command    []string
		wrong      string
	}{
		{text: "", link: ""},
		{text: "vscode://file/{file}:{line}:{column}", link: "vscode://file/{file}:{line}:{column}"},
		{text: "jetbrains://goland/navigate/reference?project=p&path={file}:{line}", link: "jetbrains://goland/navigate/reference?project=p&path={file}:{line}"},
		{text: "zed {file}:{line}", command: []string{"zed", "{file}:{line}"}},
		{text: `  "C:\Program Files\x.exe"  --line {line} '{file}' ''`, command: []string{`C:\Program Files\x.exe`, "--line", "{line}", "{file}", ""}},
		{text: `nvim --server tcp://h --remote-send "<C-\><C-N>:e +{line} {file}<CR>"`, command: []string{"nvim", "--server", "tcp://h", "--remote-send", `<C-\><C-N>:e +{line} {file}<CR>`}},
		{text: "zed {file};rm -rf $HOME", command: []string{"zed", "{file};rm", "-rf", "$HOME"}}, // words, for no shell
		{text: "zed '{file}", wrong: "a quote is not closed"},
		{text: "{file} --x", wrong: "the name of the command has a placeholder"},
		{text: "zed", wrong: "names no file"},
		{text: "zed {path}", wrong: "{path} is not a placeholder"},
	} {
		d := Default()
		err := d.Set("proxy.editor=" + Quote(c.text))
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if p := d.Proxy; p.EditorLink() != c.link || !slices.Equal(p.EditorCommand(), c.command) {
			t.Errorf("%s: %q, %q", c.text, p.EditorLink(), p.EditorCommand())
		}
	}
}
