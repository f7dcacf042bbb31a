//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is what a benched program says: its version, the version of its deep package, its process id.
type answer struct {
	Version, Deep string
	Pid           int
}

func parseAnswer(s string) (answer, error) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return answer{}, fmt.Errorf("strange answer %q", s)
	}
	pid, err := strconv.Atoi(f[2])
	if err != nil {
		return answer{}, fmt.Errorf("strange answer %q", s)
	}
	return answer{f[0], f[1], pid}, nil
}

// ask sends one request on a new connection: a kept-alive connection would
// measure how the old program ends, not when the new one begins.
func ask(ctx context.Context, addr string) (answer, error) {
	d := net.Dialer{Timeout: requestTimeout}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return answer{}, err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+addr+"\r\nConnection: close\r\n\r\n"); err != nil {
		return answer{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer{}, errors.New(resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(string(b))
}

// requestTimeout is long: a request that is held until the new program answers is not a failed one.
const requestTimeout = 30 * time.Second

// served is what was seen from outside between a save and the first new answer.
type served struct {
	Latency time.Duration // save to the first new answer
	Failed  int           // requests without an answer on the way
	Gap     time.Duration // first failed request to the first new answer
	Answer  answer
}

// await asks again and again, one request after the other, until an answer is wanted.
func await(ctx context.Context, addr string, since time.Time, every time.Duration, want func(answer) bool) (served, error) {
	var s served
	var down time.Time
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last error
	for {
		at := time.Now()
		a, err := ask(ctx, addr)
		now := time.Now()
		switch {
		case err != nil && ctx.Err() == nil:
			last = err
			s.Failed++
			if down.IsZero() {
				down = at
			}
		case err == nil && want(a):
			s.Latency, s.Answer = now.Sub(since), a
			if !down.IsZero() {
				s.Gap = now.Sub(down)
			}
			return s, nil
		case err == nil:
			last = fmt.Errorf("it still answers %q", a.Version)
		}
		select {
		case <-ctx.Done():
			if last == nil {
				last = ctx.Err()
			}
			return s, fmt.Errorf("not served after %s: %w", time.Since(since).Round(time.Second), last)
		case <-tick.C:
		}
	}
}

// freePort finds a loopback port below the range from which the system takes the
// local ports of outgoing connections. Within that range the requests of the bench
// itself now and then occupy the port of a program that is just being restarted, or
// connect to themselves.
func freePort(from int) (int, error) {
	for p := from; p < from+1000; p++ {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p))
		if err != nil {
			continue
		}
		return p, l.Close()
	}
	return 0, fmt.Errorf("no free port in %d..%d", from, from+1000)
}
