package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/page"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/session"
)

// claimFile records in the cache which session uses it, so that the next one finds what was left running.
const claimFile = "processes"

// onceDir is how the names of the caches of --once begin.
const onceDir = "once-"

// endUnclaimed ends what earlier sessions of the project have left running, and names it.
func endUnclaimed(cache string, once bool) (ended []string) {
	project := cache
	if once { // a session may run at the same time
		project = filepath.Dir(cache)
	} else {
		ended = proc.EndUnclaimed(filepath.Join(cache, claimFile))
	}
	entries, _ := os.ReadDir(project)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), onceDir) {
			ended = append(ended, proc.EndUnclaimed(filepath.Join(project, e.Name(), claimFile))...)
		}
	}
	return ended
}

// claim ends what earlier sessions left running, and notes this session in the cache, so that
// the next one finds what this one leaves. Neither stops the session: failures are warnings.
func (o runOptions) claim(cache string) (release func(), warnings []string) {
	if ended := endUnclaimed(cache, o.once); len(ended) > 0 {
		warnings = append(warnings, "stopped programs that an earlier session left running: "+strings.Join(ended, ", "))
	}
	release, err := proc.Claim(filepath.Join(cache, claimFile))
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("if this session is killed, the programs that it leaves running will not be found: %v", err))
		release = func() {}
	}
	return release, warnings
}

// holding is what a session has of its project before anything else.
type holding struct {
	cache   string
	page    *page.Page
	api     *control.Server // nil: none
	apiErr  error           // why not; without it everything works but talking to the session from outside
	release func()
}

// hold takes the project's lock and serves the control API: a request before the session
// runs is answered when there is an answer. With --once, another session may run at the same
// time, with its own binaries.
func (o runOptions) hold(p *project, early *beginning) (own holding, err error) {
	own.page = page.New()
	if own.cache, err = control.CacheDir(p.conf.Root); err != nil {
		return own, err
	}
	if o.once {
		if own.cache, err = os.MkdirTemp(own.cache, onceDir); err != nil {
			return own, err
		}
		own.release = func() { os.RemoveAll(own.cache) }
		return own, nil
	}
	lock, err := control.Acquire(own.cache, p.conf.Root)
	if err != nil {
		return own, o.held(err)
	}
	own.api, own.apiErr = control.Serve(early, o.project.invocation(p.from, o.pkg), control.SocketPath(own.cache), p.conf.Control.Listen, own.page)
	if own.apiErr != nil && p.conf.Control.Listen != "" {
		lock.Release()
		return own, own.apiErr
	}
	// Not at once: the start is for the person who waits.
	prune := time.AfterFunc(10*time.Second, func() { control.Prune(own.cache, control.Gone) })
	own.release = func() {
		prune.Stop()
		early.end()
		// The command that asked for the end returns when another session can begin.
		if own.api != nil {
			own.api.Refuse()
			defer own.api.Close()
		}
		lock.Release()
	}
	return own, nil
}

// relisten moves the control API to another address after an edit of the config.
func (own *holding) relisten(e *session.Session, before, after string) {
	if before == after || own.api == nil {
		return
	}
	if err := own.api.Relisten(after); err != nil {
		e.Problem(event.Problem{Message: err.Error(), Hint: "the old address is kept; set control.listen to another one"})
	}
}

// unreachable is the problem of a session without a control API.
func (own *holding) unreachable() event.Problem {
	hint := "`hotreload status` and `wait` will not find this session"
	var theirs *control.ForeignError
	if errors.As(own.apiErr, &theirs) {
		hint += ": " + theirs.Hint()
	}
	return event.Problem{Message: own.apiErr.Error(), Hint: hint}
}

// held explains what to do about another session in this project.
func (o runOptions) held(err error) error {
	var held *control.HeldError
	if !errors.As(err, &held) {
		return err
	}
	stop := "hotreload stop"
	if o.project.dir != "" {
		stop += " -C " + shellWord(o.project.dir)
	}
	hint := fmt.Sprintf("one session per project: use that one, or end it with `%s`", stop)
	if o.pkg != "" {
		hint += "; several programs run in one session as [services.NAME] in .hotreload.toml"
	}
	return advice.With(err, hint)
}

// guarded are the directories that the guard removes if hotreload is killed.
func guarded(cache string, once bool) []string {
	if once {
		return []string{cache}
	}
	return []string{filepath.Join(cache, "tmp")}
}
