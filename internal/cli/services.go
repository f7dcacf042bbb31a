package cli

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/gograph"
)

// checkSeveral refuses what on the command line belongs to one program where there are
// several: guessing which one is meant would start the others with it too.
func (o runOptions) checkSeveral(list []config.Service) error {
	if len(list) < 2 {
		return nil
	}
	names := strings.Join(namesOf(list), ", ")
	switch {
	case o.pkg != "":
		return usageError(advise("run all of them with `hotreload run`, or name another config with -c",
			"the config defines the services %s, so a package cannot be named", names))
	case o.args != nil:
		return usageError(advise(`set run.args = [...] in [services.NAME]`,
			"arguments after -- are for one program, and the config has %d services: %s", len(list), names))
	case o.proxy != "":
		return usageError(advise(`set proxy.listen = "..." in [services.NAME]`,
			"--proxy is for one program, and the config has %d services: %s", len(list), names))
	}
	return nil
}

// packageOf is the main package of one of several services whose config names none: the
// one with its name, or the only one there is.
func packageOf(ctx context.Context, c *config.Config, s config.Service, env []string) (string, error) {
	// The usual places first: finding all main packages takes a tenth of a second.
	for _, rel := range []string{"./cmd/" + s.Name, "./" + s.Name} {
		if isMain(filepath.Join(c.Root, filepath.FromSlash(rel)), s) {
			return rel, nil
		}
	}
	mains, err := gograph.Mains(ctx, gograph.Options{Dir: c.Root, Tags: s.Build.Tags, Env: env})
	if err != nil {
		return "", err
	}
	if len(mains) > 0 && mains[0].Nested != "" {
		return "", configAbove(c, mains)
	}
	var like []string
	for _, m := range mains {
		if path.Base(m.Rel) == s.Name || m.Rel == "." && programName(c.Root, ".") == s.Name {
			like = append(like, m.Rel)
		}
	}
	switch {
	case len(like) == 1:
		return like[0], nil
	case len(like) == 0 && len(mains) == 1:
		return mains[0].Rel, nil
	case len(like) == 0 && len(mains) == 0:
		hint := "a program needs a `package main` with a func main; a service that is not a Go program needs run.command"
		if _, err := os.Stat(filepath.Join(c.Root, "go.mod")); err != nil {
			hint += "; there is no go.mod in the root"
		}
		return "", usageError(advise(hint, "services.%s: there is no main package in %s", s.Name, c.Root))
	case len(like) > 0:
		return "", usageError(advise(fmt.Sprintf("set build.package = %q, or another one, in [services.%s]", like[0], s.Name),
			"services.%s: there are %d main packages of that name: %s", s.Name, len(like), strings.Join(like, ", ")))
	}
	var all []string
	for _, m := range mains {
		all = append(all, m.Rel)
	}
	return "", usageError(advise(
		fmt.Sprintf("set build.package in [services.%s]: %s; or run.command, if it is not a Go program", s.Name, strings.Join(all, ", ")),
		"services.%s: there are several main packages, and none is called %s", s.Name, s.Name))
}
