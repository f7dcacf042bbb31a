package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/scaffold"
)

func newInit(s streams) *cobra.Command {
	var o scaffold.Options
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a .hotreload.toml that fits this project",
		Long: `Read the project (main packages, files that the code opens or names, generators,
the Makefile, .env) and write a short .hotreload.toml that explains its settings.
If there is a config of Air or Fresh, translate it instead. An existing
.hotreload.toml is not overwritten without --force.

Most projects need no config: try "hotreload run" first.`,
		Example: `  hotreload init
  hotreload init --from .air.toml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.Getwd()
			if o.Dir != "" {
				dir, err = filepath.Abs(o.Dir)
			}
			if err != nil {
				return err
			}
			if o.Dir = dir; o.From == "" {
				if o.Dir, err = place(cmd.Context(), dir); err != nil {
					return err
				}
			}
			res, err := scaffold.New(cmd.Context(), o)
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
	fl.StringVar(&o.From, "from", "", "translate another tool's `FILE`: Air's .air.toml or Fresh's runner.conf")
	fl.BoolVar(&o.Services, "services", false, "write a service for each main package, if there are several")
	fl.BoolVar(&o.Force, "force", false, "overwrite an existing file")
	fl.StringVarP(&o.Dir, "dir", "C", "", "act as if started in `DIR`")
	return cmd
}

// place is where a config belongs that is written in dir: in a module. Above all modules it would
// make a root in which go build does not work, also for those who start in a module.
func place(ctx context.Context, dir string) (string, error) {
	root, file, err := config.FindRoot(dir)
	if err != nil || file != "" || root != dir || !outside(root) || isMain(root, config.Default().ForServices()[0]) {
		return dir, err
	}
	module, found, err := below(ctx, root, nil)
	switch {
	case err != nil:
		return "", err
	case module != "":
		return module, nil
	case len(found.Mains) == 0:
		return dir, nil
	}
	var commands []string
	for _, m := range found.Mains {
		if c := commandFor("init", root, m); !slices.Contains(commands, c) {
			commands = append(commands, c)
		}
	}
	return "", usageError(advise("a config above them would keep `hotreload run` in a module from working",
		"%s is in no module, and the programs below it are in several modules; choose one:\n%s", root, strings.Join(commands[:min(len(commands), maxListed)], "\n")))
}
