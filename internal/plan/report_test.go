package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestM2Reports holds what is reported of a service in each of its states. The lines are those of a script.
func TestM2Reports(t *testing.T) {
	const (
		app   = "service app; file main.go app rebuild input; running app"
		saved = app + "; > +1s saved main.go a b"
	)
	for _, c := range []struct{ name, lines, want string }{
		{"before the session begins", "service app", "idle under way"},
		{"the session ends during a build", "service app; > begin; > quit", "building under way"},
		{"first build", "service app; > begin", "building under way"},
		{"first build fails", "service app; > begin; > built app 1 failed", "failed, does not build"},
		{"no place to build", "option maxbuilds=1; service other; service app; > begin", "waiting under way"},
		{"the process is asked for", "service app; > begin; > built app 1 ok a", "starting under way, runs 1, built"},
		{"it starts", "service app; > begin; > built app 1 ok a; > launched app#1", "starting under way, pid 101 runs 1, built"},
		{"it cannot be started", "service app; > begin; > built app 1 ok a; > launched app#1 no such file", "failed, built, problem no such file"},
		{"it is late", "service app; > begin; > built app 1 ok a; > launched app#1; > ready app#1 late", "failed, pid 101 runs 1, built, problem late"},
		{"it was late", "service app; > begin; > built app 1 ok a; > launched app#1; > ready app#1 late; > ready app#1",
			"live, pid 101 runs 1, built, live 1"},
		{"live", app, "live, pid 101 runs 1, built, live 1"},
		{"a burst of changes", app + "; > +1s half-saving main.go a b", "waiting under way, pid 101 runs 1 stale, built, live 1"},
		{"a burst that asks for no build", app + "; file x.css app reload css; > +1s saving x.css a b",
			"waiting under way, pid 101 runs 1 stale, built, live 1"},
		{"built while the old one runs", saved, "building under way, pid 101 runs 1 stale, built, live 1"},
		{"does not build", saved + "; > built app 2 failed", "failed, pid 101 runs 1 stale, does not build, live 1"},
		{"the old one stops", saved + "; > built app 2 ok b", "stopping under way, pid 101 runs 1 stale, built, live 1"},
		{"the old one has ended", saved + "; > built app 2 ok b; > ended app#1 0", "stopping under way, built, exit 0, live 1"},
		{"the new one starts", saved + "; > built app 2 ok b; > gone app#1; > launched app#2", "starting under way, pid 102 runs 2, built, live 1"},
		{"the program is the same", saved + "; > built app 2 ok a", "live, pid 101 runs 1, built, live 1"},
		{"it has ended", app + "; > ended app#1 1; > gone app#1", "ended, built, exit 1, live 1"},
		{"it will be started again", "service app restart=always; running app; > ended app#1 1; > gone app#1", "ended, built, exit 1, live 1"},
		{"suspended", app + "; > suspended app#1 SIGSTOP", "suspended, pid 101 runs 1 stale, built, held suspended by SIGSTOP, live 1"},
		{"stopped", app + "; > stop app; > gone app#1", "stopped, built, live 1"},
		{"stopped and saved", app + "; > stop app; > gone app#1; > +1s saved main.go a b", "stopped, built, live 1"},
		{"paused", app + "; > pause", "live, pid 101 runs 1, built, paused, live 1"},
		{"paused and saved", app + "; > pause; > +1s saved main.go a b", "waiting under way, pid 101 runs 1 stale, built, paused, live 1"},
		{"needs one that is built", "service app needs=db; service db; > begin; > built app 1 ok a", "waiting under way, built, for db, held db"},
		{"needs one that failed", "service app needs=db; service db; > begin; > built app 1 ok a; > built db 1 failed",
			"waiting, built, for db, held db, which does not build"},
		{"needs one that needs one that failed",
			"service app needs=web; service web needs=db; service db; > begin; > built app 1 ok a; > built web 1 ok a; > built db 1 failed",
			"waiting, built, for web, held web"},
		{"waits for one that leaves", "service old; service app later; running old; > services app; > built app 1 ok a",
			"waiting under way, built, for old, held old to end"},
		{"a rule's command runs", app + "; file data.sql app restart rule=0; > +1s saved data.sql a b",
			"building under way, pid 101 runs 1 stale, built, live 1"},
		{"a rule's command failed", app + "; file data.sql app restart rule=0; > +1s saved data.sql a b; > rules app 2 failed",
			"failed, pid 101 runs 1 stale, does not build, live 1"},
		{"a rule's command before a build failed", app + "; file page.templ app rebuild rule=0; > +1s saved page.templ a b; > rules app 2 failed",
			"failed, pid 101 runs 1 stale, does not build, live 1"},
		{"start-first: the new one starts", strings.Replace(saved, "service app", "service app startfirst", 1) + "; > built app 2 ok b; > launched app#2",
			"starting under way, pid 101 runs 1 stale, built, live 1"},
		{"start-first: the old one stops",
			strings.Replace(saved, "service app", "service app startfirst", 1) + "; > built app 2 ok b; > launched app#2; > ready app#2",
			"live, pid 102 runs 2, built, live 2"},
		{"rolled back",
			strings.Replace(saved, "service app", "service app rollback", 1) +
				"; > built app 2 ok b; > gone app#1; > launched app#2; > ended app#2 1; > gone app#2; > launched app#3; > ready app#3",
			"failed, pid 103 runs 1 stale, built, exit 1, problem ended before it was ready: exit code 1, live 1"},
		{"a job at work", "service app job; > begin; > built app 1 ok a; > launched app#1", "starting under way, pid 101 runs 1, built"},
		{"a job that is done", "service app job; > begin; > built app 1 ok a; > launched app#1; > ended app#1 0; > gone app#1", "live, built, exit 0, live 1"},
		{"leaving", "service app; service other; > begin; > services other", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := play(t, strings.Split(c.lines, "; "))
			got := ""
			for _, r := range s.state.Reports() {
				if r.Service == "app" {
					got = showReport(r)
				}
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// play carries out lines of a script, and returns where that leads.
func play(t *testing.T, lines []string) *script {
	t.Helper()
	s := &script{files: map[string]Change{}, now: time.Unix(1_000_000, 0)}
	for _, line := range lines {
		var err error
		if in, ok := strings.CutPrefix(line, "> "); ok {
			_, err = s.step(in)
		} else {
			err = s.setting(line)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if s.state == nil {
		s.state = New(s.opt)
	}
	return s
}

// showReport says a report in a line.
func showReport(r Report) string {
	out := r.State
	if !r.Settled {
		out += " under way"
	}
	if r.PID != 0 || r.Running != 0 {
		out += ","
	}
	if r.PID != 0 {
		out += fmt.Sprintf(" pid %d", r.PID)
	}
	if r.Running != 0 {
		out += fmt.Sprintf(" runs %d", r.Running)
	}
	if r.Stale {
		out += " stale"
	}
	switch {
	case r.Build == nil:
	case r.Build.OK:
		out += ", built"
	default:
		out += ", does not build"
	}
	if r.WaitsFor != "" {
		out += ", for " + r.WaitsFor
	}
	if r.Held != "" {
		out += ", held " + r.Held
	}
	if r.Paused {
		out += ", paused"
	}
	if r.Exit != nil {
		out += fmt.Sprintf(", exit %d", r.Exit.Code)
	}
	if r.Problem != nil {
		out += ", problem " + r.Problem.Message
	}
	if r.Live != nil {
		out += fmt.Sprintf(", live %d", r.LiveGeneration)
	}
	return out
}
