package config

import "strings"

// checkStdin: there is one terminal and one standard input, so one service can have it.
func (c *Config) checkStdin() (errs Errors) {
	var who []string
	for _, s := range c.ForServices() {
		if s.Run.Stdin != StdinApp && s.Run.Stdin != StdinInteractive {
			continue
		}
		who = append(who, s.Name)
		if len(who) > 1 {
			errs = append(errs, c.where(s.Name, "run.stdin").errorf(
				"set it in the one service that reads it: services."+who[0]+".run.stdin",
				"run.stdin: only one service can have the standard input, not %s", strings.Join(who, ", ")))
			return errs
		}
	}
	return errs
}
