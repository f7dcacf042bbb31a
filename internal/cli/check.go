package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/relevance"
	"github.com/hotreload/hotreload/internal/safe"
)

// mistake is one of a config, for programs.
type mistake struct {
	File    string `json:"file"` // or the --set
	Line    int    `json:"line"` // from 1; 0 if it has no place
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// listed is what check --json prints instead of a config with mistakes.
func listed(errs config.Errors) any {
	var list []mistake
	for _, e := range errs {
		list = append(list, mistake{e.Path, e.Line, e.Column, e.Message, e.Hint})
	}
	return struct {
		Errors []mistake `json:"errors"`
	}{list}
}

func newCheck(s streams) *cobra.Command {
	var f projectFlags
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the config and print what differs from the defaults",
		Long: `Validate the config without starting anything, and report every mistake with its
position. If there is none, print what differs from the defaults; with --all,
print every key. The exit code is 2 if there are mistakes.

With --json, print every key as JSON, or the mistakes as {"errors": [...]}.`,
		Example: `  hotreload check
  hotreload check --all
  hotreload check --config other.toml --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.open(cmd.Context(), "")
			if err == nil {
				notes, err := relevance.CheckRules(cmd.Context(), p.conf, p.conf.ForServices())
				if err != nil {
					return err
				}
				defer s.ruleNotes(notes)
			}
			var mistakes config.Errors
			switch {
			case asJSON && errors.As(err, &mistakes):
				if err := s.json(listed(mistakes)); err != nil {
					return err
				}
				return &codeError{code: exitUsage}
			case err != nil:
				return err
			case len(p.below) > 0:
				return several(p.conf.Root, p.below)
			case asJSON:
				return s.json(p.conf)
			}
			from, text, rest := p.conf.Root+" has no config file", p.conf.Differences(), "every other key has its default"
			if p.conf.Path != "" {
				from = p.conf.Path
			}
			switch {
			case all:
				text, rest = p.conf.TOML(), ""
			case len(text) == 0:
				rest = "every key has its default"
			}
			// All but the config itself is a comment: the output is a config again.
			safe.Fprintf(s.out, "# ok: %s\n", from)
			for _, n := range p.conf.Notes() {
				safe.Fprintf(s.out, "# note: %s\n", n)
			}
			_, err = s.out.Write(text)
			if err == nil && rest != "" {
				_, err = safe.Fprintf(s.out, "# %s: `hotreload check --all` prints them\n", rest)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also print the keys that have their default value")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	f.add(cmd)
	return cmd
}
