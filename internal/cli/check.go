package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func newCheck(s streams) *cobra.Command {
	var f projectFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the config and print it resolved",
		Long: `Check reads the config as run would, reports every mistake with its place, and
prints what is in force: the file, the flags and the defaults.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(s.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(p.conf)
			}
			from := "defaults; there is no config file"
			if p.conf.Path != "" {
				from = p.conf.Path
			}
			fmt.Fprintf(s.out, "# %s\n", from)
			_, err = s.out.Write(p.conf.TOML())
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
