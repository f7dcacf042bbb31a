package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The page of commands names every command and every flag.
func TestCommandsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	commands, flags, found := strings.Cut(string(page), "\n## Flags\n")
	if !found {
		t.Fatal("no section of flags")
	}
	// A name is followed by the end of the code, or by an argument.
	names := func(text, name string) bool {
		return strings.Contains(text, "`"+name+"`") || strings.Contains(text, "`"+name+" ")
	}
	root := newRoot(streams{}, nil)
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			continue
		}
		if !names(commands, c.Name()) {
			t.Errorf("docs/commands.md has no command %s", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !names(flags, "--"+f.Name) {
				t.Errorf("docs/commands.md has no flag --%s of %s", f.Name, c.Name())
			}
		})
	}
	if n := len(root.Commands()); n < 10 {
		t.Errorf("only %d commands were found", n)
	}
}
