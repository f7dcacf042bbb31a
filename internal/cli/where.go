package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/gograph"
	"github.com/hotreload/hotreload/internal/proc"
)

// outside reports whether a root that has no config is in no module and in no workspace.
func outside(root string) bool {
	for _, name := range []string{"go.mod", "go.work"} {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			return false
		}
	}
	work := os.Getenv("GOWORK")
	return work == "" || work == "off"
}

// below is what there is below a directory that is outside of modules: a repository whose module
// is in a subdirectory. module is the only one that holds a program; it is taken as with -C. It is
// empty if there are several or none, or where others may put one.
func below(ctx context.Context, root string, tags []string) (module string, found gograph.Below, err error) {
	found, err = gograph.FindBelow(ctx, gograph.Options{Dir: root, Tags: tags, Env: proc.CleanEnv(os.Environ())})
	if err != nil {
		return "", found, err
	}
	if info, err := os.Stat(root); err != nil || !found.Complete || info.Mode().Perm()&0o002 != 0 {
		return "", found, nil
	}
	for _, m := range found.Mains {
		dir := filepath.Join(root, filepath.FromSlash(m.Nested))
		if module != "" && module != dir {
			return "", found, nil
		}
		module = dir
	}
	return module, found, nil
}

// home is the root of the project whose session commands in dir are for.
func home(ctx context.Context, dir string) (string, error) {
	root, file, err := config.FindRoot(dir)
	if err != nil || file != "" || !outside(root) {
		return root, err
	}
	// A session may run here all the same: of something that is no Go program.
	if cache, err := control.CacheDir(root); err != nil || exists(control.SocketPath(cache)) {
		return root, err
	}
	if module, _, err := below(ctx, root, nil); err != nil || module != "" {
		return module, err
	}
	return root, nil
}

// commandFor is the command that runs (verb "run") a main package found below root, or writes the
// config of its module ("init"), as it is typed in the shell's directory.
func commandFor(verb, root string, m gograph.Main) string {
	command, module := "hotreload "+verb, filepath.Join(root, filepath.FromSlash(m.Nested))
	here, err := os.Getwd()
	if err != nil {
		here = root
	}
	pkg := m.Rel
	if up := relative(module, here); up == ".." || strings.HasPrefix(up, "../") {
		command += " -C " + shellWord(relative(here, module))
		if pkg == "." { // what is found there first
			return command
		}
	} else if pkg = relative(here, m.Dir); pkg != "." && !strings.HasPrefix(pkg, "..") {
		pkg = "./" + pkg
	}
	if verb == "run" {
		command += " " + shellWord(pkg)
	}
	return command
}

func relative(base, dir string) string {
	rel, err := filepath.Rel(base, dir)
	if err != nil {
		return dir
	}
	return filepath.ToSlash(rel)
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string { return quoted(s, shellQuotes) }

// quotes are how a system's shells quote a word: what else needs no quotes, the quote, and what is written for
// one within the word.
type quotes struct{ plain, quote, within string }

func quoted(s string, q quotes) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune(q.plain, r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0x80
	}) {
		return s
	}
	return q.quote + strings.ReplaceAll(s, q.quote, q.within) + q.quote
}

// maxListed is how many commands a message lists.
const maxListed = 12

// errSeveral is the cause of every error of several.
var errSeveral = errors.New("several programs")

// several is the error for more than one program. It shows how to run each.
func several(root string, mains []gograph.Main) error {
	var list strings.Builder
	for i, m := range mains {
		if i == maxListed {
			fmt.Fprintf(&list, "\n... and %d more", len(mains)-i)
			break
		}
		fmt.Fprintf(&list, "\n%s", commandFor("run", root, m))
	}
	if mains[0].Nested != "" {
		return usageError(advice.Explain(errSeveral, fmt.Sprintf("%s is not in the module of the programs below it; to run one:%s", root, list.String()),
			"or change into the module's directory"))
	}
	return usageError(advice.Explain(errSeveral, fmt.Sprintf("there are %d main packages in %s; name one:%s", len(mains), root, list.String()),
		"to make one of them the default: build.package in .hotreload.toml (`hotreload init`)"))
}

// configAbove is the error for a config above the modules of the programs, where go build does not reach them.
func configAbove(c *config.Config, mains []gograph.Main) error {
	var modules []string
	if exists(filepath.Join(c.Root, "go.mod")) {
		modules = append(modules, ".")
	}
	for _, m := range mains {
		if dir := shellWord(m.Nested); !slices.Contains(modules, dir) {
			modules = append(modules, dir)
		}
	}
	modules = modules[:min(len(modules), maxListed)]
	return usageError(advise(fmt.Sprintf("make a workspace in %s: `go work init %s`; or move the config into the module", c.Root, strings.Join(modules, " ")),
		"%s is not in the module of a program, so go build does not work there; the modules: %s", c.Path, strings.Join(modules, ", ")))
}

// noMain is the error for a root without a program.
func noMain(root string) error {
	const hint = "a program needs a `package main` with a func main"
	if outside(root) {
		return advise(hint, "there is no go.mod in %s or above, and no main package in the modules below", root)
	}
	return advise(hint, "there is no main package in %s", root)
}
