package cli

import (
	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
)

func newSchema(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the config file",
		Long: `Print a JSON Schema of .hotreload.toml, which editors use to complete and check
the file.`,
		Example: `  hotreload schema > .hotreload.schema.json
  # and as the first line of .hotreload.toml:
  #:schema ./.hotreload.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(config.Schema())
			return err
		},
	}
}
