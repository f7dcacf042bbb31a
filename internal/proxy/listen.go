package proxy

import (
	"errors"
	"fmt"
)

// listenError is why the proxy cannot listen, with what to do about it.
type listenError struct {
	text, hint string
	err        error
}

func (e *listenError) Error() string { return e.text }
func (e *listenError) Hint() string  { return e.hint }
func (e *listenError) Unwrap() error { return e.err }

func explainListen(addr string, err error) error {
	e := &listenError{text: fmt.Sprintf("the proxy cannot listen on %s: %v", addr, err), err: err}
	switch {
	case errors.Is(err, errInUse):
		e.text = fmt.Sprintf("the proxy cannot listen on %s: the port is taken", addr)
		e.hint = "end the program that listens there (another hotreload, or the app itself on its own port?), or give proxy.listen another port"
	case errors.Is(err, errNotAvailable):
		e.text = fmt.Sprintf("the proxy cannot listen on %s: this machine does not have that address", addr)
		e.hint = `proxy.listen = "127.0.0.1:PORT" always exists`
	case errors.Is(err, errDenied):
		e.text = fmt.Sprintf("the proxy may not listen on %s: permission denied", addr)
		e.hint = "ports below 1024 are reserved; give proxy.listen a higher one"
	default:
		e.hint = `proxy.listen is HOST:PORT, for example "127.0.0.1:8090"`
	}
	return e
}
