//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// event is what the bench reads of a line of hotreload's --events file. It is declared
// here and not shared with hotreload: the bench is an outside reader of that contract.
type event struct {
	Time      time.Time `json:"time"`
	Event     string    `json:"event"`
	LatencyMS float64   `json:"latency_ms"`
	DetectMS  float64   `json:"detect_ms"`
	BuildMS   float64   `json:"build_ms"`
	StopMS    float64   `json:"stop_ms"`
	StartMS   float64   `json:"start_ms"`
	Watches   int       `json:"watches"`
	Message   string    `json:"message"`
}

func (e event) phases() phases {
	d := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
	return phases{detect: d(e.DetectMS), build: d(e.BuildMS), stop: d(e.StopMS), start: d(e.StartMS), whole: d(e.LatencyMS)}
}

// eventLog follows a file of JSON lines.
type eventLog struct {
	file   string
	offset int64
}

// next returns the complete lines written since the last call.
func (l *eventLog) next() ([]event, error) {
	b, err := os.ReadFile(l.file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if int64(len(b)) < l.offset {
		l.offset = 0 // started again
	}
	fresh := b[l.offset:]
	end := bytes.LastIndexByte(fresh, '\n') + 1
	l.offset += int64(end)
	var out []event
	for line := range bytes.Lines(fresh[:end]) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return out, fmt.Errorf("%s: %w in %q", l.file, err, line)
		}
		out = append(out, e)
	}
	return out, nil
}

// wait returns the last event of a name among those not yet read, as soon as there is one.
func (l *eventLog) wait(ctx context.Context, name string) (event, error) {
	for {
		events, err := l.next()
		if err != nil {
			return event{}, err
		}
		for i := len(events) - 1; i >= 0; i-- {
			if events[i].Event == name {
				return events[i], nil
			}
		}
		select {
		case <-ctx.Done():
			return event{}, fmt.Errorf("no %q in %s: %w", name, l.file, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// skip forgets what was written so far.
func (l *eventLog) skip() error {
	_, err := l.next()
	return err
}
