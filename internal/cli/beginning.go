package cli

import (
	"context"
	"errors"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/plan"
)

// beginning is a session that may not run yet: what is asked of it waits until it does. So the
// control socket is there as soon as the session has the project's lock.
type beginning struct {
	begun   chan struct{} // closed when session is set
	over    chan struct{} // closed when it will never be set
	session control.Backend
}

func newBeginning() *beginning {
	return &beginning{begun: make(chan struct{}), over: make(chan struct{})}
}

func (b *beginning) begin(session control.Backend) {
	b.session = session
	close(b.begun)
}

// end lets go of those who wait, if the session has not begun.
func (b *beginning) end() { close(b.over) }

func (b *beginning) wait(ctx context.Context) (control.Backend, error) {
	select {
	case <-b.begun:
		return b.session, nil
	case <-b.over:
	case <-ctx.Done():
	}
	select {
	case <-b.begun:
		return b.session, nil
	default:
		return nil, errors.Join(control.ErrNotBegun, ctx.Err())
	}
}

// Command implements control.Backend.
func (b *beginning) Command(c plan.Command) {
	if s, err := b.wait(context.Background()); err == nil {
		s.Command(c)
	}
}

// Status implements control.Backend.
func (b *beginning) Status(ctx context.Context) (control.Status, error) {
	s, err := b.wait(ctx)
	if err != nil {
		return control.Status{}, err
	}
	return s.Status(ctx)
}

// Wait implements control.Backend.
func (b *beginning) Wait(ctx context.Context, service string) (control.Outcome, error) {
	s, err := b.wait(ctx)
	if err != nil {
		return control.Outcome{}, err
	}
	return s.Wait(ctx, service)
}

// Subscribe implements control.Backend.
func (b *beginning) Subscribe(ctx context.Context) <-chan []byte {
	s, err := b.wait(ctx)
	if err != nil {
		none := make(chan []byte)
		close(none)
		return none
	}
	return s.Subscribe(ctx)
}

// Logs implements control.Backend.
func (b *beginning) Logs(ctx context.Context, service string, lines int, follow bool, take func([]control.LogPiece) error) error {
	s, err := b.wait(ctx)
	if err != nil {
		return err
	}
	return s.Logs(ctx, service, lines, follow, take)
}

// Reload implements control.Backend.
func (b *beginning) Reload(ctx context.Context, service string) (int, error) {
	s, err := b.wait(ctx)
	if err != nil {
		return 0, err
	}
	return s.Reload(ctx, service)
}
