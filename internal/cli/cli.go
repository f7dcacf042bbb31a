// Package cli is the command line: it reads flags and files, connects the other
// packages, and turns the outcome into an exit code. Each command has options, which
// its flags fill, a function that checks them, and one that acts. Globals for flags, as
// cobra's generator writes them, were rejected: two runs in one test would share them.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/direct"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/safe"
)

// Exit codes; those of --once are the program's own.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitForced = 130
)

// version is set by the linker for releases (-X); otherwise it comes from the build info.
var version = ""

// Version is the version of this binary.
func Version() string {
	if version != "" {
		return strings.TrimPrefix(version, "v") // of a tag
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "devel"
}

// streams are what a command reads and writes; tests give their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Main runs one command line, without the program's name, and returns the exit code.
func Main(args []string, in io.Reader, out, err io.Writer) int {
	// Before all else: this may be a helper that hotreload started.
	proc.Helper()
	direct.Helper()
	if len(args) == 2 && args[0] == verbOpen {
		return openMain(args[1], err)
	}
	s := streams{in, out, err}
	root := newRoot(s, args)
	root.SetArgs(args)
	cmd, e := root.ExecuteC()
	return report(s, cmd, e)
}

// codeError carries an exit code that is not the usual one for its kind.
type codeError struct {
	code int
	err  error // nil: everything was printed already
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}
func (e *codeError) Unwrap() error { return e.err }

// usageError is a mistake in the command line or the config: exit code 2.
func usageError(err error) error { return &codeError{exitUsage, err} }

func advise(hint, format string, args ...any) error {
	return advice.With(fmt.Errorf(format, args...), hint)
}

// report prints an error and turns it into the exit code: the one place that does.
func report(s streams, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var coded *codeError
	if errors.As(err, &coded) {
		code = coded.code
		if coded.err == nil {
			return code
		}
		err = coded.err
	}
	var detailed interface{ Detail() string }
	if errors.As(err, &detailed) {
		safe.Fprintf(s.err, "%s\n", safe.Block(strings.TrimRight(detailed.Detail(), "\n")))
		return code
	}
	safe.Fprintf(s.err, "error: %s\n", safe.Indent(safe.Block(err.Error()), "  "))
	if hint := advice.Hint(err); hint != "" {
		safe.Fprintf(s.err, "hint: %s\n", safe.Indent(safe.Block(hint), "  "))
	}
	return code
}

func newRoot(s streams, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "hotreload",
		Short: "Rebuild and restart a Go program on every save",
		Long: `hotreload watches a Go project. On every save, it rebuilds the program with
go build, restarts it, and reports when the new version is live.

Run this in the directory of a project:

	hotreload run

It needs no config. "hotreload init" writes one that fits the project.`,
		Example: `  hotreload run
  hotreload run ./cmd/api -- --port 8081
  hotreload wait && curl localhost:8080`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	cobra.EnableCommandSorting = false // the groups have an order
	root.Version = Version()
	root.SetVersionTemplate(versionText())
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagMistake(cmd, err, args) })
	addGroup(root, "Commands:", newRun(s), newInit(s), newCheck(s), newWhy(s), newDoctor(s))
	addGroup(root, "Commands for the running session:", newStatus(s), newWait(s), newLogs(s),
		newRestart(s), newRebuild(s), newReload(s), newPause(s), newResume(s), newStop(s), newMCP(s))
	addGroup(root, "Other commands:", newSchema(s), newVersion(s))
	root.SetCompletionCommandGroupID("Other commands:")
	root.SetHelpCommandGroupID("Other commands:")
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		wrapArgs(c)
		switch c.Name() {
		case "help":
			// cobra's own prints the usage for what it does not know, and ends well.
			c.Run, c.RunE = nil, func(_ *cobra.Command, a []string) error {
				about, rest, err := root.Find(a)
				if err != nil || len(rest) > 0 {
					return unknownCommand(root, " help", a[0], nil)
				}
				about.InitDefaultHelpFlag()
				return about.Help()
			}
		case "completion":
			// cobra's own prints its help for a shell that it does not know, and ends well.
			c.Use, c.DisableFlagsInUseLine = "completion SHELL", true
			c.Short = "Print the completion script for a shell"
			c.Long = `Print the completion script for bash, zsh, fish or powershell. To see how to load
it, run "hotreload completion bash --help".`
			c.Example = "  source <(hotreload completion bash)"
			c.Args = func(_ *cobra.Command, a []string) error {
				const shells = "bash, zsh, fish or powershell, as in `hotreload completion bash`"
				if len(a) == 0 {
					return usageError(advise(shells, "name a shell"))
				}
				return usageError(advise(shells, "no completion for %q", strings.Join(a, " ")))
			}
			c.RunE = func(*cobra.Command, []string) error { return nil }
		}
	}
	// An unknown command is found by cobra before any of our code runs.
	root.Args = func(cmd *cobra.Command, a []string) error {
		if len(a) == 0 {
			return nil
		}
		return unknownCommand(cmd, "", a[0], a[1:])
	}
	return root
}

// addGroup adds commands that the help lists under a title, in this order.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		c.Flags().SortFlags = false // the common ones first
	}
	root.AddCommand(commands...)
}

// wrapArgs makes the complaints of a command and of those below it mistakes of usage.
func wrapArgs(c *cobra.Command) {
	args := c.Args
	c.Args = func(cmd *cobra.Command, a []string) error {
		if args == nil {
			return nil
		}
		if err := args(cmd, a); err != nil {
			if cmd.Name() != "run" { // whose own words are better
				err = fmt.Errorf("expected `%s %s`, got %s", cmd.Parent().CommandPath(), cmd.Use, counted(len(a)))
			}
			return usageError(advice.With(err, fmt.Sprintf("see `%s --help`", cmd.CommandPath())))
		}
		return nil
	}
	for _, below := range c.Commands() {
		wrapArgs(below)
	}
}

func counted(arguments int) string {
	switch arguments {
	case 0:
		return "no argument"
	case 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", arguments)
}

// versionText is what `hotreload version` and --version print.
func versionText() string {
	return fmt.Sprintf("hotreload %s\n%s %s/%s\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func newVersion(s streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Long: "Print the version of hotreload, the version of Go that built it, and the platform.",
		Example: `  hotreload version
  hotreload version --json`,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return s.json(struct {
					Version string `json:"version"`
					Go      string `json:"go"` // it was built with
					OS      string `json:"os"`
					Arch    string `json:"arch"`
				}{Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH})
			}
			_, err := io.WriteString(s.out, versionText())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// complete sets the values of a flag, for the shell's completion.
func complete(cmd *cobra.Command, flag string, words func() []string, d cobra.ShellCompDirective) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return begins(words(), typed), cobra.ShellCompDirectiveNoFileComp | d
	})
	if err != nil {
		panic(err) // there is no such flag
	}
}

// begins are the words that begin with what was typed.
func begins(words []string, typed string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, typed) })
}

// terminal returns the file behind w if it is a terminal.
func terminal(w any) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// columns returns the width of a terminal, read each time: it may be resized.
func columns(tty *os.File) func() int {
	if tty == nil {
		return nil
	}
	return func() int {
		w, _, err := term.GetSize(int(tty.Fd()))
		if err != nil {
			return 0
		}
		return w
	}
}

// colorModes are what --color may be.
var colorModes = []string{"auto", "always", "never"}

// colored decides about colour on the stream, by one of the modes.
func colored(mode string, w io.Writer) bool {
	if mode != "auto" {
		return mode == "always"
	}
	// fatih/color would decide by stdout; we print on stderr.
	_, no := os.LookupEnv("NO_COLOR")
	t := terminal(w)
	return t != nil && !no && !plainTerminal() && showsColor(t)
}
