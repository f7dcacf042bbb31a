package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
)

// toTLS is how Go's server answers a request without TLS where it expects TLS.
const toTLS = "Client sent an HTTP request to an HTTPS server.\n"

// RoundTrip gives a request to the program. Whether a program speaks TLS is not in the config
// unless proxy.app says so (https://), and it is not asked for: a handshake is garbage in the log
// of a server that does not. So the program's own answer decides, and is remembered for the
// programs after it. The request has not reached a handler then, and is sent again.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.at.secure || u.at.network != "tcp" || u.plain.Load() {
		return u.send(r)
	}
	body := (*twiceBody)(nil)
	if r.Body != nil && r.Body != http.NoBody {
		body = newTwiceBody(r)
		defer body.settle()
		r = body.reader.with(r)
	}
	if u.p.secure.Load() {
		res, err := u.sendTLS(r)
		if plain := (tls.RecordHeaderError{}); !errors.As(err, &plain) {
			return res, err
		}
		u.p.secure.Store(false) // the newest program does without, and has read nothing but the handshake
	}
	res, err := u.send(r)
	if err != nil {
		return nil, err
	}
	if !expectsTLS(res) {
		u.plain.Store(true)
		return res, nil
	}
	u.p.secure.Store(true)
	_ = res.Body.Close()
	if body != nil {
		second, err := body.again()
		if err != nil {
			return nil, err
		}
		r = second.with(r)
	}
	return u.sendTLS(r)
}

func (u *upstream) sendTLS(r *http.Request) (*http.Response, error) {
	to := *r.URL
	to.Scheme = "https"
	r = r.WithContext(r.Context())
	r.URL = &to
	return u.h1.RoundTrip(r)
}

// expectsTLS reports whether the answer is that of a server that expects TLS.
func expectsTLS(res *http.Response) bool {
	if res.StatusCode != http.StatusBadRequest || len(res.Header) > 0 {
		return false
	}
	// An error may follow: the server closes the connection without reading the request to its end.
	head, _ := io.ReadAll(io.LimitReader(res.Body, int64(len(toTLS))+1))
	rest := res.Body
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), rest), rest}
	return string(head) == toTLS
}
