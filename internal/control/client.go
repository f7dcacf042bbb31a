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
	"path/filepath"
)

// ErrNoSession says that no session runs in the project.
var ErrNoSession = errors.New("no session runs here")

// Client talks to the session of a project.
type Client struct{ http *http.Client }

// Dial returns a client for the socket; nothing is sent yet.
func Dial(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var theirs *ForeignError
			if err := trusted(filepath.Dir(socket)); errors.As(err, &theirs) {
				return nil, err
			}
			var d net.Dialer
			c, err := d.DialContext(ctx, "unix", socket)
			if err != nil && ctx.Err() == nil {
				return nil, fmt.Errorf("%w (%w)", ErrNoSession, err)
			}
			return c, err
		},
	}}}
}

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
		var refusal struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(body, &refusal) == nil && refusal.Error != "" {
			switch resp.StatusCode {
			case http.StatusNotFound:
				return &unknownService{refusal.Error}
			case http.StatusGone:
				return fmt.Errorf("%w: %s", ErrNoSession, refusal.Error)
			}
			return errors.New(refusal.Error)
		}
		return fmt.Errorf("the session answered %s", resp.Status)
	}
	return json.Unmarshal(body, out)
}

// unknownService is the session's word that it has no such service.
type unknownService struct{ text string }

func (e *unknownService) Error() string        { return e.text }
func (e *unknownService) Is(target error) bool { return target == ErrNoService }

// Drain reads a stream of the session to its end. A session that is already over
// is no error.
func (c *Client) Drain(ctx context.Context, path string) error {
	u := url.URL{Scheme: "http", Host: socketHost, Path: path}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return ctx.Err()
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return ctx.Err()
}
