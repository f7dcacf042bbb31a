package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Until a program has answered, it is not known whether it speaks TLS. If it does, a request without
// TLS has to be sent a second time, with the same body. So the beginning of a body is kept, and the rest
// waits a moment: a server that expects TLS answers to the first bytes.
const (
	firstPart     = 32 << 10
	firstPartWait = 100 * time.Millisecond
)

// errNotAgain says that the program speaks TLS, did not get the request, and cannot get it again.
var errNotAgain = errors.New("the program speaks TLS, and the body of the request is gone")

// twiceBody is the body of a request that may have to be sent twice. It has one reader after the other.
type twiceBody struct {
	src     io.ReadCloser
	trailer http.Header   // is filled at the end of src
	names   http.Header   // of the trailer, without values
	reading sync.Mutex    // held while src is read
	decided chan struct{} // closed when it is known whether there is a second reader

	mu     sync.Mutex
	reader *twiceReader // that may read on
	kept   []byte       // what the first one has read
	err    error        // the end of src
	gone   bool         // more was read than is kept
	over   sync.Once
}

// twiceReader reads it from the beginning.
type twiceReader struct {
	b     *twiceBody
	first bool
	at    int // in kept

	trailer http.Header // its own: the other reader may read to the end at the same time
}

func newTwiceBody(r *http.Request) *twiceBody {
	b := &twiceBody{src: r.Body, trailer: r.Trailer, names: r.Trailer.Clone(), decided: make(chan struct{})}
	b.reader = &twiceReader{b: b, first: true, trailer: b.names.Clone()}
	return b
}

// with is the request with the body.
func (r *twiceReader) with(req *http.Request) *http.Request {
	req = req.WithContext(req.Context())
	req.Body, req.Trailer = r, r.trailer
	return req
}

// settle says that there is no second reader from now on.
func (b *twiceBody) settle() { b.over.Do(func() { close(b.decided) }) }

// again is the second reader. The first one, which may still be waiting for the client, reads no more.
func (b *twiceBody) again() (*twiceReader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return nil, errNotAgain
	}
	b.reader = &twiceReader{b: b, trailer: b.names.Clone()}
	b.settle()
	return b.reader, nil
}

// Close does nothing: the server closes the body of its request, after the second reader.
func (r *twiceReader) Close() error { return nil }

func (r *twiceReader) Read(p []byte) (int, error) {
	b := r.b
	b.reading.Lock()
	defer b.reading.Unlock()
	if n, err := r.fromKept(p); n > 0 || err != nil {
		return n, err
	}
	n, err := b.src.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	if r.first && !b.gone { // also what the first reader got when the second one was there already
		b.kept = append(b.kept, p[:n]...)
		r.at += n
	}
	r.end()
	return n, err
}

// end copies the trailer at the end of the body. src is not read at this time.
func (r *twiceReader) end() {
	if r.b.err == io.EOF {
		maps.Copy(r.trailer, r.b.trailer)
	}
}

// fromKept reads what is there already. Neither bytes nor an error: read on.
func (r *twiceReader) fromKept(p []byte) (int, error) {
	b := r.b
	b.mu.Lock()
	wait := r == b.reader && r.first && !b.gone && r.at == len(b.kept) && len(b.kept) >= firstPart && b.err == nil
	b.mu.Unlock()
	if wait {
		t := time.NewTimer(firstPartWait)
		defer t.Stop()
		select {
		case <-b.decided:
		case <-t.C:
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r != b.reader:
		return 0, http.ErrBodyReadAfterClose
	case r.at < len(b.kept):
		n := copy(p, b.kept[r.at:])
		r.at += n
		return n, nil
	case b.err != nil:
		r.end()
		return 0, b.err
	}
	if wait {
		b.gone, b.kept = true, nil
	}
	return 0, nil
}

// patientConn is a connection to a program that may answer before it has read the request, and close
// the connection. A write that fails then waits a moment, for the answer to be read.
type patientConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *patientConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		t := time.NewTimer(firstPartWait)
		defer t.Stop()
		select {
		case <-c.closed: // what there was has been read
		case <-t.C:
		}
	}
	return n, err
}

func (c *patientConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// dialPatiently is the dial of the transports.
func (u *upstream) dialPatiently(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := u.dial(ctx, network, addr)
	if err != nil || u.at.secure || u.plain.Load() {
		return c, err
	}
	return &patientConn{Conn: c, closed: make(chan struct{})}, nil
}
