package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// errStopped is why a process that was stopped early is not ready.
var errStopped = errors.New("stopped before it was ready")

// ErrEnded is why a process that ended without being asked to is not ready. Exited reports it too.
var ErrEnded = errors.New("ended before it was ready")

// ErrLate is why a process was not ready in time. It may still become so: Ready says it then.
var ErrLate = errors.New("not ready")

// check refuses two conditions: which of them counts could only be guessed.
func (r Ready) check() error {
	kinds := 0
	for _, set := range []bool{r.TCP != "", r.HTTP != "", r.Log != nil, r.Notify, r.After > 0, r.Listen} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return errors.New("runner: Ready has more than one condition")
	case r.Grace > 0 && !r.Listen:
		return errors.New("runner: Ready.Grace is for Listen only")
	}
	return nil
}

// condition is closed when the condition is met; what says what has not happened until then.
// nil: there is none.
func (p *Process) condition(ctx context.Context) (met <-chan struct{}, what string) {
	const least, most = 2 * time.Millisecond, 50 * time.Millisecond
	switch r := p.spec.Ready; {
	case r.TCP != "":
		return p.poll(ctx, least, most, dialer(r.TCP)), "nothing accepts connections on " + r.TCP
	case r.HTTP != "":
		return p.poll(ctx, least, most, getter(r.HTTP)), "no answer with a status below 500 from " + r.HTTP
	case r.Log != nil:
		return p.match.found, fmt.Sprintf("no line of its output matches %q", r.Log)
	case r.Notify:
		return p.notify.ready, "it did not send READY=1 to NOTIFY_SOCKET"
	case r.After > 0:
		return p.after(ctx, r.After), fmt.Sprintf("%v have not passed", r.After)
	case r.Listen:
		return p.awaitListen(ctx), "it does not listen"
	}
	return nil, ""
}

// awaitReady returns nil when the process is ready, or why it will not be. It ends at the
// latest when ctx does, which is when the group is gone.
func (p *Process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	met, what := p.condition(ctx)
	if met == nil {
		return nil
	}
	var timeout <-chan time.Time
	limit := p.spec.Ready.Timeout
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		timeout = t.C
	}
	ended := p.ended
	for {
		select {
		case <-met:
			return p.stillThere()
		case <-timeout:
			p.ready <- fmt.Errorf("%w within %v: %s", ErrLate, limit, what)
		case <-p.stopping:
			return errStopped
		case <-ended:
			if p.exit.Code != 0 {
				return p.endedEarly()
			}
			// A leader may start a server in the background and exit well; without one,
			// the group is gone in a moment.
			ended = nil
		case <-ctx.Done():
			<-p.ended
			return p.endedEarly()
		}
	}
}

// stillThere: a condition that is met in the moment of the end is not met.
func (p *Process) stillThere() error {
	select {
	case <-p.g.Exited():
		<-p.ended
		if p.exit.Code != 0 {
			return p.endedEarly()
		}
	default:
	}
	return nil
}

func (p *Process) endedEarly() error {
	select {
	case <-p.stopping: // that is why
		return errStopped
	default:
	}
	return fmt.Errorf("%w: %s", ErrEnded, p.exit.Reason)
}

// after waits.
func (p *Process) after(ctx context.Context, d time.Duration) <-chan struct{} {
	met := make(chan struct{})
	p.work.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			close(met)
		case <-ctx.Done():
		}
	})
	return met
}

// poll asks until the answer is yes, pausing from least to most.
func (p *Process) poll(ctx context.Context, least, most time.Duration, ask func(context.Context) bool) <-chan struct{} {
	met := make(chan struct{})
	p.work.Go(func() {
		t := time.NewTimer(0)
		defer t.Stop()
		for pause := least; ; pause = min(pause*3/2, most) {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			if ask(ctx) {
				close(met)
				return
			}
			t.Reset(pause)
		}
	})
	return met
}

// dialer asks whether addr accepts connections.
func dialer(addr string) func(context.Context) bool {
	if host, port, err := net.SplitHostPort(addr); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			addr = net.JoinHostPort("localhost", port)
		}
	}
	d := net.Dialer{Timeout: time.Second}
	return func(ctx context.Context) bool {
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}
}

// getter asks whether url answers with a status below 500. A redirect is an answer. The
// certificate of a local server proves nothing and is not checked.
func getter(url string) func(context.Context) bool {
	c := &http.Client{
		Timeout: 2 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context) bool {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		resp, err := c.Do(req)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode < 500
	}
}
