package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// address is where a program answers.
type address struct {
	network string // tcp | unix
	addr    string // host:port, or a path
	secure  bool   // it speaks TLS
}

// parseAddress reads host:port, https://host:port or unix:PATH.
func parseAddress(s string) address {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		return address{"unix", path, false}
	}
	if a, ok := strings.CutPrefix(s, "https://"); ok {
		return address{"tcp", strings.TrimSuffix(a, "/"), true}
	}
	return address{"tcp", strings.TrimSuffix(strings.TrimPrefix(s, "http://"), "/"), false}
}

// url is what a request to it is addressed to.
func (a address) url() (scheme, host string) {
	scheme, host = "http", a.addr
	if a.secure {
		scheme = "https"
	}
	if a.network == "unix" {
		host = "localhost"
	}
	return scheme, host
}

// families are the addresses to try, in their order. A program that gets a port may listen on it
// on one family only: on ::1 where localhost means that, as Node does.
func (a address) families() []string {
	host, port, err := net.SplitHostPort(a.addr)
	if a.network != "tcp" || err != nil {
		return []string{a.addr}
	}
	switch host {
	case "127.0.0.1":
		return []string{a.addr, net.JoinHostPort("::1", port)}
	case "::1":
		return []string{a.addr, net.JoinHostPort("127.0.0.1", port)}
	}
	return []string{a.addr}
}

// dial connects to the program. Once it has answered on a family, the other one belongs to another program.
func (u *upstream) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if at := u.answered.Load(); at != nil {
		return u.p.dial(ctx, u.at.network, *at)
	}
	var first error
	for _, addr := range u.at.families() {
		c, err := u.p.dial(ctx, u.at.network, addr)
		if err == nil {
			u.answered.Store(&addr)
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// tls is how the program's certificate is checked: not at all on this machine, where it was
// made for development.
func (a address) tls() *tls.Config {
	host, _, _ := net.SplitHostPort(a.addr)
	ip := net.ParseIP(host)
	return &tls.Config{InsecureSkipVerify: host == "localhost" || ip != nil && ip.IsLoopback()}
}

const tlsTimeout = 10 * time.Second

// relocate leads a redirect to the program's own port to the address that the client has used.
func (x *exchange) relocate(h http.Header) {
	_, port, err := net.SplitHostPort(x.up.at.addr)
	to, err2 := url.Parse(h.Get("Location"))
	if err != nil || err2 != nil || to.Host == "" || to.Port() != port || x.up.at.network != "tcp" {
		return
	}
	host := to.Hostname()
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback() && !ip.IsUnspecified()) && to.Host != x.up.at.addr {
		return
	}
	to.Host, to.Scheme = x.q.Host, "http"
	if x.q.TLS != nil || x.q.Header.Get("X-Forwarded-Proto") == "https" {
		to.Scheme = "https"
	}
	h.Set("Location", to.String())
}
