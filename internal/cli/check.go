package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/engine"
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

// listed is what check --json prints instead of a config that is not right.
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
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the config and print it resolved",
		Long: `Check reads the config as run would, reports every mistake with its place, and
prints what is in force: the file, the flags and the defaults. With --json,
mistakes are printed as {"errors": [...]}. The exit code is 2 if there are any.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.open(cmd.Context(), "")
			if err == nil {
				notes, err := engine.CheckRules(cmd.Context(), p.conf, p.conf.ForServices())
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
			case asJSON:
				return s.json(p.conf)
			}
			from := "defaults; there is no config file"
			if p.conf.Path != "" {
				from = p.conf.Path
			}
			safe.Fprintf(s.out, "# %s\n", from)
			_, err = s.out.Write(p.conf.TOML())
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
