package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/relevance"
	"github.com/hotreload/hotreload/internal/safe"
	"github.com/hotreload/hotreload/internal/session"
)

func newWhy(s streams) *cobra.Command {
	var f projectFlags
	var asJSON bool
	var pkg string
	cmd := &cobra.Command{
		Use:   "why PATH",
		Short: "Explain what changing a file would trigger",
		Long: `Explain, for each service, what a change to PATH would trigger (a rebuild, a
restart, a reload, a signal or nothing), and why: the import chain that leads to
the file, the rule that names it, or the pattern that ignores it. The file does
not have to exist.

If a session is running, its settings are used, unless flags are given.`,
		Example: `  hotreload why internal/db/db.go
  hotreload why templates/index.html --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			proc.Setup() // the builder runs the go command, and waits for all that it leaves behind
			f.follow(cmd.Context(), pkg)
			p, err := f.open(cmd.Context(), pkg)
			if err != nil {
				return err
			}
			env := os.Environ()
			list, err := p.services(cmd.Context(), proc.CleanEnv(env))
			if errors.Is(err, errSeveral) {
				return usageError(advice.With(err, "here, name it with --package: `hotreload why --package ./cmd/api PATH`"))
			}
			if err != nil {
				return err
			}
			path := args[0]
			if !filepath.IsAbs(path) {
				path = filepath.Join(p.from, path)
			}
			cache, err := control.CacheDir(p.conf.Root)
			if err != nil {
				return err
			}
			answers, err := session.Why(cmd.Context(), relevance.Options{Config: p.conf, Env: env, Cache: cache}, list, filepath.Clean(path))
			if err != nil {
				return err
			}
			if asJSON {
				line, err := safe.Marshal(answers, "")
				if err != nil {
					return err
				}
				_, err = s.out.Write(line)
				return err
			}
			defer s.ruleNotes(answers[0].Rules)
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				defer safe.Fprintf(s.err, "%s does not exist; this is what creating it would do\n", args[0])
			}
			for _, a := range answers {
				safe.Fprintf(s.out, "%s: %s: %s\n", a.Service, a.Effect, a.Why)
				if len(a.Chain) > 0 {
					safe.Fprintf(s.out, "  %s\n", strings.Join(append(a.Chain, filepath.Base(path)), " -> "))
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&pkg, "package", "", "the main `PACKAGE`, if there are several and no config")
	f.add(cmd)
	return cmd
}

// ruleNotes prints which paths of rules match no file.
func (s streams) ruleNotes(notes []relevance.RuleNote) {
	for _, n := range notes {
		safe.Fprintf(s.err, "%s\n  hint: %s\n", n.Message, n.Hint)
	}
}
