package page

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pairs are headers.
type pairs []string

// TestAccess: one row for each attack that is known from other tools, and for what has to work beside it
// (P9, P19, U4). The proxy and the control API ask the same function.
func TestAccess(t *testing.T) {
	const at = "localhost:1234"
	a := Access{Listen: "dev.machine:8090", Hosts: []string{"shop.test", ".ngrok.app"}}
	for _, tt := range []struct {
		name   string
		header pairs
		ok     bool
	}{
		{"as it is", nil, true},
		{"localhost", pairs{"Host", at}, true},
		{"a name below localhost", pairs{"Host", "shop.localhost"}, true},
		{"a loopback number", pairs{"Host", "127.1.2.3:8090"}, true},
		{"IPv6", pairs{"Host", "[::1]:8090"}, true},
		{"upper case", pairs{"Host", "LOCALHOST"}, true},
		{"with the dot of the root", pairs{"Host", "localhost.:8090"}, true},
		{"own origin", pairs{"Host", at, "Origin", "http://" + at}, true},
		{"typed in", pairs{"Sec-Fetch-Site", "none"}, true},
		{"own page", pairs{"Sec-Fetch-Site", "same-origin"}, true},
		{"a name of proxy.hosts", pairs{"Host", "shop.test:8090", "Origin", "http://shop.test:8090"}, true},
		{"a name of proxy.hosts in a tunnel with TLS", pairs{"Host", "a.ngrok.app", "Origin", "https://a.ngrok.app"}, true},

		{"DNS rebinding (CVE-2025-24010)", pairs{"Host", "evil.example"}, false},
		{"a foreign Host that says no Origin, as an event stream or upgrade does (CVE-2025-24010)", pairs{"Host", "evil.example", "Upgrade", "websocket", "Connection", "Upgrade"}, false},
		{"a name that begins as ours", pairs{"Host", "localhost.evil.example"}, false},
		{"a name that begins as a number of ours", pairs{"Host", "127.0.0.1.evil.example"}, false},
		{"a name that ends as ours", pairs{"Host", "evillocalhost"}, false},
		{"below a name that is admitted alone", pairs{"Host", "a.shop.test"}, false},
		{"the suffix alone", pairs{"Host", "ngrok.app"}, false},
		{"a name that ends as the suffix", pairs{"Host", "evilngrok.app"}, false},
		{"the suffix in the middle", pairs{"Host", "a.ngrok.app.evil.example"}, false},
		{"number of another machine", pairs{"Host", "192.0.2.1"}, false},
		{"every interface, from a page of the network (0.0.0.0 day)", pairs{"Host", "0.0.0.0:8090"}, false},
		{"a number in one word", pairs{"Host", "2130706433"}, false},
		{"any origin is allowed (GHSA-67mh-4wv8-2f99)", pairs{"Host", at, "Origin", "https://evil.example"}, false},
		{"an origin by number is trusted (CVE-2025-30360)", pairs{"Host", at, "Origin", "http://192.0.2.1:1234"}, false},
		{"another number of this machine (CVE-2025-30360)", pairs{"Host", at, "Origin", "http://127.0.0.1:1234"}, false},
		{"a page in a sandbox", pairs{"Host", at, "Origin", "null"}, false},
		{"an empty origin", pairs{"Host", at, "Origin", ""}, false},
		{"another port of this machine", pairs{"Host", at, "Origin", "http://localhost:1235"}, false},
		{"another scheme", pairs{"Host", at, "Origin", "https://" + at}, false},
		{"an origin that ends as ours", pairs{"Host", at, "Origin", "http://evil.example@" + at}, false},
		{"two origins", pairs{"Host", at, "Origin", "http://" + at, "Origin", "http://evil.example"}, false},
		{"the script of another site is included (CVE-2025-30359)", pairs{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "script"}, false},
		{"another port includes it", pairs{"Sec-Fetch-Site", "same-site"}, false},
		{"Sec-Fetch-Site decides alone (CVE-2026-6402)", pairs{"Host", "evil.example", "Sec-Fetch-Site", "same-origin"}, false},
		{"X-Forwarded-For is trusted (CVE-2015-3224)", pairs{"Host", "evil.example", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", "localhost", "Forwarded", "for=127.0.0.1;host=localhost"}, false},
		{"the name that it listens on", pairs{"Host", "dev.machine:8090"}, true},
		{"the number on which it was reached", pairs{"Host", "192.0.2.7:8090"}, true},
		{"no Host", pairs{"Host", ""}, false},
		{"an origin without a host", pairs{"Host", at, "Origin", "http://"}, false},
		{"an origin with a path", pairs{"Host", at, "Origin", "http://" + at + "/x"}, false},
		{"TLS of a tunnel, under a name that is not admitted by name", pairs{"Host", "127.0.0.1", "Origin", "https://127.0.0.1"}, false},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := tt.header.request(method)
			if why := a.Refuse(r); (why == "") != tt.ok {
				t.Errorf("%s %s: %q", method, tt.name, why)
			}
			// What changes something needs an Origin besides.
			change := tt.ok && r.Header.Get("Origin") != ""
			if why := a.RefuseChange(r); (why == "") != change {
				t.Errorf("%s %s, for a change: %q", method, tt.name, why)
			}
		}
	}
	secure := pairs{"Host", at, "Origin", "https://" + at}.request("GET")
	secure.TLS = &tls.ConnectionState{}
	if why := a.Refuse(secure); why != "" {
		t.Errorf("its own page over TLS: %s", why)
	}
	secure.Header.Set("Origin", "http://"+at)
	if a.Refuse(secure) == "" {
		t.Error("a page without TLS asks one with it")
	}
	// Without a proxy, no name but those of this machine.
	for _, host := range []string{"", ":8090", "shop.test"} {
		if (Access{}).Refuse(pairs{"Host", host}.request("GET")) == "" {
			t.Errorf("%q is admitted", host)
		}
	}
}

// request has the headers, over a connection to 192.0.2.7.
func (p pairs) request(method string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1/", strings.NewReader(""))
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 8090}))
	for i := 0; i < len(p); i += 2 {
		if p[i] == "Host" {
			r.Host = p[i+1]
			continue
		}
		r.Header.Add(p[i], p[i+1])
	}
	return r
}
