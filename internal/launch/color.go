package launch

import "github.com/hotreload/hotreload/internal/proc"

// withColor asks for colours from a program that sees pipes although its output is shown on a console,
// by the two variables that most libraries know. What the user has set about colours counts.
func withColor(env []string) []string {
	for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR"} {
		if _, set := proc.LookupEnv(env, name); set {
			return env
		}
	}
	return append(env, "CLICOLOR_FORCE=1", "FORCE_COLOR=1")
}
