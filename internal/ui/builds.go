package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/safe"
)

// maxHold is how long the result of a part of a build is held back at most, because the
// rest may come to the same.
const maxHold = time.Second

// common is one build for several services.
type common struct {
	services []string        // all of them
	open     map[string]bool // of which it is not known what came of it
	done     []outcome       // not printed yet
}

// outcome is what came of a build for one service, or for several.
type outcome struct {
	e        event.Event // the first one
	body     event.BuildFinished
	services []string
	serving  []time.Time // by service
	key      safe.Text   // equal for outcomes that are printed as one
}

func (t *Text) begun(service string, slot int) {
	c := t.builds[slot]
	if c == nil {
		c = &common{open: map[string]bool{}}
		t.builds[slot] = c
	}
	c.services = append(c.services, service)
	c.open[service] = true
	t.slots[service] = slot
}

// ended takes what came of the build of a service, nil: it was canceled.
func (t *Text) ended(e event.Event, b *event.BuildFinished) (text safe.Text) {
	slot, known := t.slots[e.Service]
	c := t.builds[slot]
	delete(t.slots, e.Service)
	if known {
		delete(c.open, e.Service)
		defer func() {
			if len(c.open) == 0 {
				delete(t.builds, slot)
				delete(t.slow, slot)
			}
		}()
	}
	if b != nil {
		o := outcome{e, *b, []string{e.Service}, []time.Time{b.Serving}, t.key(e.Service, *b)}
		if !known {
			return t.built(o) // the commands of a rule
		}
		i := slices.IndexFunc(c.done, func(d outcome) bool { return d.key == o.key })
		if i < 0 {
			c.done = append(c.done, o)
		} else {
			d := &c.done[i]
			d.services, d.serving = append(d.services, e.Service), append(d.serving, b.Serving)
			d.body.DurationMS = max(d.body.DurationMS, b.DurationMS)
		}
	}
	if known && len(c.open) == 0 {
		text = t.tell(c)
	}
	return text
}

// key is what is printed of an outcome, without the service and the time.
func (t *Text) key(service string, b event.BuildFinished) safe.Text {
	b.DurationMS = 0
	if b.OK {
		_, failed := t.failed[service]
		return safe.Sprintf("%v %v %s %s", failed, b.Unchanged, t.engine(b), b.Warnings)
	}
	return safe.Sprintf("%s %s %s %s", b.Summary, t.reasons(b), b.OutputFile, b.Hint)
}

func (t *Text) tell(c *common) (text safe.Text) {
	for _, o := range c.done {
		text += t.built(o)
	}
	c.done = nil
	return text
}

// release prints what is held back of builds that concern the service, or of all.
func (t *Text) release(service string, all bool) (text safe.Text) {
	for _, c := range t.builds {
		if all || slices.ContainsFunc(c.done, func(o outcome) bool { return slices.Contains(o.services, service) }) {
			text += t.tell(c)
		}
	}
	return text
}

// holds reports whether something is held back.
func (t *Text) holds() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.builds {
		if len(c.done) > 0 {
			return true
		}
	}
	return false
}

func (t *Text) built(o outcome) safe.Text {
	if o.body.OK {
		return t.succeeded(o)
	}
	return t.failure(o)
}

func (t *Text) succeeded(o outcome) safe.Text {
	fixed := false
	for _, s := range o.services {
		if _, failed := t.failed[s]; failed {
			fixed = true
		}
		delete(t.failed, s)
	}
	if t.opt.Quiet && !fixed {
		return ""
	}
	b := o.body
	word, how, took, rest := safe.Text("built"), t.dim, ms(b.DurationMS), t.engine(b)
	if fixed {
		word = "fixed"
	}
	if b.Unchanged {
		rest = ": the program is the same, not restarted" + rest
	}
	text := t.dim.text(took + rest)
	if fixed || b.Unchanged { // the last line of this save, or good news
		how, text = t.good, took+t.dim.text(rest)
	}
	return t.lineOf(o.e, o.services, how, word, text) + t.remarks(o.e, b)
}

func (t *Text) failure(o outcome) safe.Text {
	b := o.body
	summary := safe.Block(b.Summary)
	if summary == "" {
		summary = "the build failed"
	}
	reasons := t.reasons(b)
	same := t.sameFailure(o)
	for _, s := range o.services {
		t.failed[s] = o.key
	}
	if same != "" { // the messages were printed with that service
		summary += ", as for " + same
		reasons = ""
	}
	text := t.lineOf(o.e, o.services, t.bad, "failed", summary+t.dim.text(" ("+ms(b.DurationMS)+")")) + reasons
	if same == "" {
		if b.OutputFile != "" {
			text += t.hint("the full output is in " + b.OutputFile)
		}
		text += t.hint(b.Hint)
	}
	if t.opt.Once {
		return text
	}
	text += t.fix(o)
	for _, s := range o.services {
		e := o.e
		e.Service = s
		text += t.openLine(e)
	}
	return text
}

// sameFailure is another service whose build fails for the same reason; "" if there is none.
func (t *Text) sameFailure(o outcome) (same safe.Text) {
	for s, key := range t.failed {
		if key == o.key && !slices.Contains(o.services, s) && (same == "" || safe.Line(s) < same) {
			same = safe.Line(s)
		}
	}
	return same
}

// reasons are the messages of a failed build.
func (t *Text) reasons(b event.BuildFinished) safe.Text {
	s := t.placed(b.Diagnostics)
	if s == "" && b.Output != "" {
		if repeats(b.Output, b.Summary) {
			return ""
		}
		return indented(strings.TrimRight(b.Output, "\n"), "    ")
	}
	for _, d := range b.Diagnostics {
		if d.File == "" {
			s += indented(d.Message, "    ")
		}
	}
	return s
}

// repeats reports whether an output is one line that repeats the summary, perhaps after
// the name of a package.
func repeats(output, summary string) bool {
	rest, ok := strings.CutSuffix(strings.TrimSpace(output), summary)
	return ok && summary != "" && !strings.Contains(rest, "\n") && (rest == "" || strings.HasSuffix(rest, ": "))
}

// fix is the last line of a failure: what is waited for, and what runs meanwhile.
func (t *Text) fix(o outcome) safe.Text {
	var parts []safe.Text
	for i, s := range o.services {
		if o.serving[i].IsZero() {
			parts = append(parts, safe.Sprintf("%s is not running", s))
			continue
		}
		e := o.e
		e.Service = s
		parts = append(parts, since(e, o.serving[i]))
	}
	return t.lineOf(o.e, o.services, t.note, "waiting", "for a fix; "+safe.Join(parts, "; "))
}
