package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/scaffold"
)

func newInit(s streams) *cobra.Command {
	var o scaffold.Options
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write .hotreload.toml, fitted to this project",
		Long: `Init looks at the project (main packages, templates, .env, generators) and writes
a short .hotreload.toml that says what it sets and why. It never overwrites a
file without --force. Most projects need no config at all: try "hotreload run".`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if o.Dir != "" {
				dir, err = filepath.Abs(o.Dir)
			}
			if err != nil {
				return err
			}
			o.Dir = dir
			res, err := scaffold.Fresh(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := scaffold.Write(res, o.Force); err != nil {
				return err
			}
			for _, f := range res.Found {
				safe.Fprintf(s.out, "found    %s\n", f)
			}
			for _, n := range res.Notes {
				safe.Fprintf(s.out, "note     %s\n", n)
			}
			safe.Fprintf(s.out, "wrote    %s\nnext     hotreload run\n", res.Path)
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&o.Dir, "dir", "C", "", "act as if started in `DIR`")
	fl.StringVar(&o.From, "from", "", "carry over another tool's config: an .air.toml `FILE`, or fresh's runner.conf")
	fl.BoolVar(&o.Services, "services", false, "make a service of each main package, if there are several")
	fl.BoolVar(&o.Force, "force", false, "overwrite the file if it exists")
	return cmd
}
