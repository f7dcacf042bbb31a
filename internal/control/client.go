package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hotreload/hotreload/internal/files"
)

// ErrNoSession says that no session is running in the project.
var ErrNoSession = errors.New("no session is running here")

// Client talks to the session of a project.
type Client struct{ http *http.Client }

// Dial returns a client for the socket; nothing is sent yet.
func Dial(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := connect(ctx, socket)
			var theirs *ForeignError
			if err != nil && ctx.Err() == nil && !errors.As(err, &theirs) {
				return nil, fmt.Errorf("%w (%w)", ErrNoSession, err)
			}
			return c, err
		},
	}}}
}

// connect opens a connection to a session of our own user; one of another user is a
// *ForeignError.
func connect(ctx context.Context, socket string) (net.Conn, error) {
	if err := ours(filepath.Dir(socket), ownRuntime); err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if p, known := peerOf(c); known && p.uid != os.Getuid() {
		c.Close()
		return nil, &ForeignError{Path: socket, Owner: files.UserName(uint32(p.uid)), hint: ownRuntime}
	}
	return c, nil
}

// listening reports whether a session of ours has the socket, and its pid, 0 if that is
// not known. One that does not answer, since it is stopped, has it too.
func listening(socket string) (pid int, is bool) {
	c, err := connect(context.Background(), socket)
	if err != nil {
		return 0, false
	}
	defer c.Close()
	p, _ := peerOf(c)
	return p.pid, true
}

// peer is who listens at the other end of a Unix socket.
type peer struct{ uid, pid int }

// Do sends one request and decodes the answer into out. A refusal of the session
// is returned as an error with its words.
func (c *Client) Do(ctx context.Context, method, path, service string, out any) error {
	u := url.URL{Scheme: "http", Host: socketHost, Path: path}
	if service != "" {
		u.RawQuery = url.Values{"service": {service}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("the session ended before it answered: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp, body)
	}
	return json.Unmarshal(body, out)
}

// refusal is why the session refused a request.
func refusal(resp *http.Response, body []byte) error {
	var words struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &words) != nil || words.Error == "" {
		return fmt.Errorf("the session answered %s", resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		return &unknownService{words.Error}
	case http.StatusGone:
		return fmt.Errorf("%w: %s", ErrNoSession, words.Error)
	}
	return errors.New(words.Error)
}

// unknownService is the session's word that it has no such service.
type unknownService struct{ text string }

func (e *unknownService) Error() string        { return e.text }
func (e *unknownService) Is(target error) bool { return target == ErrNoService }

// Ended asks to be woken when the session is over and another one can begin. wait returns then, or
// when ctx ends; it has to be called.
func (c *Client) Ended(ctx context.Context) (wait func() error, err error) {
	u := url.URL{Scheme: "http", Host: socketHost, Path: "/ended"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	return func() error {
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // ends with the session, however it ends
		return ctx.Err()
	}, nil
}

// Logs takes what the programs have written, piece by piece, until the stream or the session
// ends. See [Backend] for the arguments.
func (c *Client) Logs(ctx context.Context, service string, lines int, follow bool, take func(LogPiece) error) error {
	q := url.Values{}
	if service != "" {
		q.Set("service", service)
	}
	if lines >= 0 {
		q.Set("lines", strconv.Itoa(lines))
	}
	if follow {
		q.Set("follow", "1")
	}
	u := url.URL{Scheme: "http", Host: socketHost, Path: "/logs", RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		return refusal(resp, body)
	}
	for dec := json.NewDecoder(resp.Body); ; {
		var p LogPiece
		if err := dec.Decode(&p); err != nil {
			if err == io.EOF || follow && ctx.Err() == nil { // it ends with the session, be that killed
				return nil
			}
			return err
		}
		if err := take(p); err != nil {
			return err
		}
	}
}
