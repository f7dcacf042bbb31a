package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/config"
)

// otherNames are what other tools call our commands.
var otherNames = map[string][]string{
	"run":    {"start", "dev", "watch", "build", "serve", "server", "up", "live", "exec", "begin", "go", "debug"},
	"stop":   {"kill", "quit", "exit", "end", "down", "shutdown"},
	"status": {"ps", "list", "ls", "info", "show"},
	"check":  {"config", "validate", "lint", "verify"},
	"init":   {"new", "setup", "create", "configure"},
	"why":    {"explain"},
	"resume": {"unpause", "continue"},
	"doctor": {"diagnose", "env"},
}

// meantCommand is the command that the person probably wanted; "" if none is near.
func meantCommand(root *cobra.Command, typed string) string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	for name, others := range otherNames {
		if slices.Contains(others, strings.ToLower(typed)) && slices.Contains(names, name) {
			return name
		}
	}
	if near := config.Nearest(typed, names); near != "" {
		return near
	}
	i := slices.IndexFunc(names, func(n string) bool { return typed != "" && strings.HasPrefix(n, strings.ToLower(typed)) })
	if i < 0 {
		return ""
	}
	return names[i]
}

// unknownCommand is the error for a command that there is not. rest is what was typed after it.
func unknownCommand(root *cobra.Command, verb, typed string, rest []string) error {
	hint := "see `hotreload --help`"
	if near := meantCommand(root, typed); near != "" {
		if near == "run" {
			rest = runLine(root, rest)
		}
		hint = fmt.Sprintf("did you mean `%s`?", shellLine(append([]string{"hotreload" + verb, near}, rest...)))
	} else if _, err := os.Stat(typed); err == nil && verb == "" {
		hint = fmt.Sprintf("to run it: `%s`", shellLine(slices.Concat([]string{"hotreload", "run"}, runLine(root, append([]string{typed}, rest...)))))
	}
	return usageError(advise(hint, "unknown command %q", typed))
}

// shellLine is a command line as it is typed; the first word is not quoted.
func shellLine(words []string) string {
	out := words[:1:1]
	for _, w := range words[1:] {
		out = append(out, shellWord(w))
	}
	return strings.Join(out, " ")
}

// flagMistake explains an error of a command's flags. args is the command line.
func flagMistake(cmd *cobra.Command, err error, args []string) error {
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if wrong := (*pflag.InvalidValueError)(nil); errors.As(err, &wrong) {
		return usageError(wrongValue(wrong))
	}
	if !cmd.HasParent() {
		if !strings.HasPrefix(args[0], "-") { // a command that there is not, which explains the flag
			return unknownCommand(cmd, "", args[0], args[1:])
		}
		hint = fmt.Sprintf("the command comes first: `%s`", shellLine(slices.Concat([]string{"hotreload", "run"}, runLine(cmd, args))))
		return usageError(advice.With(err, hint))
	}
	at := slices.Index(args, cmd.Name())
	if at < 0 || !strings.HasPrefix(err.Error(), "unknown ") {
		return usageError(advice.With(err, hint))
	}
	_, theirs := splitFlags(cmd.Flags(), args[at+1:])
	if len(theirs) == 0 {
		return usageError(advice.With(err, hint))
	}
	name, _, _ := strings.Cut(strings.TrimLeft(theirs[0], "-"), "=")
	near := ""
	if strings.HasPrefix(theirs[0], "--") {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near = config.Nearest(name, names); near != "" {
			near = fmt.Sprintf("did you mean --%s?", near)
		}
	}
	if cmd.Name() == "run" {
		line := shellLine(slices.Concat([]string{"hotreload", "run"}, runLine(cmd.Root(), args[at+1:])))
		hint = fmt.Sprintf("flags for the program go after --: `%s`", line)
		if near != "" {
			hint = near + " " + hint
		}
		return usageError(advice.With(err, hint))
	}
	return usageError(advice.With(err, cmp.Or(near, hint)))
}

// wrongValue is the error for a value that a flag does not take, without the words of strconv.
func wrongValue(err *pflag.InvalidValueError) error {
	f := err.GetFlag()
	needs, example := "true or false", "true"
	switch f.Value.Type() {
	case "duration":
		needs, example = "a duration with a unit", "30s"
	case "int":
		needs, example = "a number", "20"
	}
	return advise(fmt.Sprintf("--%s=%s", f.Name, example), "--%s needs %s, not %q", f.Name, needs, err.GetValue())
}

// runLine is what was typed after run, with -- before what is for the program.
func runLine(root *cobra.Command, words []string) []string {
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		return words
	}
	ours, theirs := splitFlags(run.Flags(), words)
	if len(theirs) > 0 {
		ours = append(ours, "--")
	}
	return append(ours, theirs...)
}

// splitFlags sorts the words after a command into those that are its own and those that are for
// the program: flags that it does not know, and what follows them. A directory may be the package.
func splitFlags(fl *pflag.FlagSet, words []string) (ours, theirs []string) {
	named := false
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "--":
			return ours, append(theirs, words[i+1:]...)
		case !strings.HasPrefix(w, "-") || w == "-":
			info, err := os.Stat(w)
			if !named && (len(theirs) == 0 || err == nil && info.IsDir()) {
				named = true
				ours = append(ours, w)
			} else {
				theirs = append(theirs, w)
			}
		default:
			known, takes := knownFlag(fl, w)
			if !known {
				theirs = append(theirs, w)
				continue
			}
			ours = append(ours, w)
			if takes && i+1 < len(words) {
				i++
				ours = append(ours, words[i])
			}
		}
	}
	return ours, theirs
}

// knownFlag reports whether a word is a flag, or several short ones, and whether the next word is its value.
func knownFlag(fl *pflag.FlagSet, word string) (known, takes bool) {
	if long, is := strings.CutPrefix(word, "--"); is {
		name, _, valued := strings.Cut(long, "=")
		f := fl.Lookup(name)
		return f != nil, f != nil && f.NoOptDefVal == "" && !valued
	}
	for i := 1; i < len(word); i++ {
		f := fl.ShorthandLookup(word[i : i+1])
		if f == nil {
			return false, false
		}
		if f.NoOptDefVal == "" {
			return true, i == len(word)-1
		}
	}
	return true, false
}
