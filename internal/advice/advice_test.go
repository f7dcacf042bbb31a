package advice

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

type custom struct{ error }

func (custom) Hint() string { return "its own" }

func TestHint(t *testing.T) {
	plain := errors.New("broken")
	inner := With(fmt.Errorf("open: %w", fs.ErrNotExist), "create it")
	for name, tt := range map[string]struct {
		err        error
		text, hint string
	}{
		"nil":              {nil, "", ""},
		"none":             {plain, "broken", ""},
		"with":             {With(plain, "fix it"), "broken", "fix it"},
		"empty":            {With(plain, ""), "broken", ""},
		"empty around one": {With(inner, ""), "open: file does not exist", "create it"},
		"wrapped":          {fmt.Errorf("start: %w", inner), "start: open: file does not exist", "create it"},
		"joined":           {errors.Join(plain, inner), "broken\nopen: file does not exist", "create it"},
		"outermost":        {With(inner, "ask"), "open: file does not exist", "ask"},
		"explained":        {Explain(inner, "no config", "run init"), "no config", "run init"},
		"only explained":   {Explain(inner, "no config", ""), "no config", ""},
		"another type":     {fmt.Errorf("start: %w", custom{plain}), "start: broken", "its own"},
	} {
		if got := Hint(tt.err); got != tt.hint {
			t.Errorf("%s: hint %q, want %q", name, got, tt.hint)
		}
		if tt.err != nil && tt.err.Error() != tt.text {
			t.Errorf("%s: text %q, want %q", name, tt.err, tt.text)
		}
	}
	if With(nil, "fix it") != nil {
		t.Error("no error became one")
	}
	if err := Explain(inner, "no config", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
