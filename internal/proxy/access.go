package proxy

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// refused says why a request for our own pages is not answered: they show code. It must be for a
// name of this machine, or of proxy.hosts: any other name means DNS rebinding, or that the address
// can be reached from outside. And it must not be made by the page of another origin.
// Headers that a client can choose freely (X-Forwarded-For) do not count.
func (p *Proxy) refused(r *http.Request) string {
	named, ok := p.admitsHost(r)
	if !ok {
		return "the Host is not of this machine (proxy.hosts can admit it)"
	}
	if origin, ok := r.Header["Origin"]; ok && !sameOrigin(origin, r, named) {
		return "the Origin is another one"
	}
	// Browsers that say it are believed when they say no. Silence proves nothing.
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return "the request comes from another site"
	}
	return ""
}

// stranger reports whether a request used a host name that is not admitted. The program answers it
// as it does for anyone, but gets no script of ours into its page, and no code is shown.
func (p *Proxy) stranger(r *http.Request) bool {
	_, ok := p.admitsHost(r)
	return !ok
}

// admitsHost reports whether the proxy answers in full under the name in Host. named says that it
// does because of proxy.hosts.
func (p *Proxy) admitsHost(r *http.Request) (named, ok bool) {
	name := hostName(r.Host)
	ip := net.ParseIP(name)
	listen := hostName(p.opt.Listen)
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
	for _, h := range p.opt.Hosts {
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

// sameOrigin reports whether the page that asks was loaded from here, as the browser says. Behind
// a name of proxy.hosts, a tunnel may have spoken TLS.
func sameOrigin(origin []string, r *http.Request, named bool) bool {
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
