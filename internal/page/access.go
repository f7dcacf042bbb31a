package page

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Access says who may ask a server for our own pages, which show source code and logs. The proxy and
// the control API ask it the same question.
type Access struct {
	Listen string   // the address of the proxy, as the config names it: its name is admitted. Empty: no proxy
	Hosts  []string // more names: "shop.test", or ".ngrok.app" for all below
}

// Refuse says why a request is not answered; "" if it is. It must be for a name of this machine, or of
// Hosts: any other name means DNS rebinding, or that the address can be reached from outside. And it
// must not be made by the page of another origin. Nothing that a client can write into a header of its
// own (X-Forwarded-For) is asked.
func (a Access) Refuse(r *http.Request) string {
	named, ok := a.Admits(r)
	if !ok {
		if a.Listen == "" {
			return "the Host header does not name this machine"
		}
		return "the Host header does not name this machine (proxy.hosts can allow the name)"
	}
	if _, given := r.Header["Origin"]; given && !ownOrigin(r, named) {
		return "the Origin header names another origin"
	}
	// Browsers that say it are believed when they say no. Silence proves nothing.
	if !ownSite(r) {
		return "the request comes from another site"
	}
	return ""
}

// RefuseChange is Refuse for what changes something: a browser sends an Origin with it.
func (a Access) RefuseChange(r *http.Request) string {
	if why := a.Refuse(r); why != "" {
		return why
	}
	if r.Header.Get("Origin") == "" {
		return "no Origin"
	}
	return ""
}

// Admits reports whether the server answers in full under the name in Host. named says that it
// does because of Hosts.
func (a Access) Admits(r *http.Request) (named, ok bool) {
	name := hostName(r.Host)
	ip := net.ParseIP(name)
	listen := hostName(a.Listen)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	switch {
	case name == "":
	case name == "localhost" || strings.HasSuffix(name, ".localhost"): // RFC 6761: never resolved elsewhere
		return false, true
	case ip != nil && ip.IsLoopback():
		return false, true
	case name == listen && (ip == nil || !ip.IsUnspecified()):
		return false, true
	case ip != nil && local != nil && local.IP.Equal(ip): // listening on all addresses: by number, no name can be rebound
		return false, true
	}
	for _, h := range a.Hosts {
		h = strings.ToLower(h)
		if name != "" && name == h || strings.HasPrefix(h, ".") && len(name) > len(h) && strings.HasSuffix(name, h) {
			return true, true
		}
	}
	return false, false
}

// hostName is the name in host or host:port, in lower case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// ownOrigin reports whether the page that asks was loaded from here, as the browser says. Behind
// a name of Hosts, a tunnel may have spoken TLS.
func ownOrigin(r *http.Request, named bool) bool {
	origin := r.Header["Origin"]
	if len(origin) != 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	if err != nil || u.Host == "" || origin[0] != u.Scheme+"://"+u.Host || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	secure := u.Scheme == "https"
	return secure == (r.TLS != nil) && (secure || u.Scheme == "http") || secure && named
}

func ownSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}
