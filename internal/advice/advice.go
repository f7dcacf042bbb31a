// Package advice adds to an error what to do about it.
//
// The convention is a method Hint() string, which any error may have: the mistakes that config
// reports, and the error about another session in the project, compute theirs. So the public
// packages can document their errors without naming this one. Only this package looks for the
// method.
//
// We rejected a line in the text of the error: texts are wrapped and joined, and the hint would
// end up in the middle. It is printed below the whole message.
package advice

import "errors"

type advised struct {
	text, hint string
	cause      error
}

func (e *advised) Error() string { return e.text }
func (e *advised) Hint() string  { return e.hint }
func (e *advised) Unwrap() error { return e.cause }

// With is err with a hint. Without a hint it is err itself.
func With(err error, hint string) error {
	if err == nil {
		return nil
	}
	return Explain(err, err.Error(), hint)
}

// Explain is an error with its own text, where that of cause says too little.
func Explain(cause error, text, hint string) error {
	if hint == "" && cause != nil && text == cause.Error() {
		return cause
	}
	return &advised{text, hint, cause}
}

// Hint is what to do about err: the hint of the outermost error in its chain that has the
// method. "": nothing is known, or err is nil.
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
