package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
)

// allow makes the Content-Security-Policy of a document admit the client script,
// and returns the nonce that its element needs, if any.
//
// A policy that admits scripts of its own origin stays as it is, and so does one
// that has a nonce, which is used. Any other gets one source more in script-src:
// the very path of the script, which opens nothing else, or with strict-dynamic,
// which ignores paths, a nonce. The event stream would need connect-src too; that
// is not touched: the shared worker that listens is not bound by the document's
// connect-src, and where worker-src forbids it the page simply is not reloaded.
func allow(h http.Header, host string) (nonce string) {
	const name = "Content-Security-Policy"
	var policies [][]string // of directives, by header line and comma
	for _, line := range h[name] {
		for _, s := range strings.Split(line, ",") {
			policies = append(policies, strings.Split(s, ";"))
		}
	}
	// All policies hold, but an element has one nonce.
	for _, p := range policies {
		if nonce = nonceOf(sources(p)); nonce != "" {
			break
		}
	}
	changed := false
	for i, p := range policies {
		_, list := sources(p)
		if list == nil || admits(list, nonce) {
			continue
		}
		source := scriptSource(host)
		if has(list, "'strict-dynamic'") {
			if nonce == "" {
				nonce = newNonce()
			}
			source = "'nonce-" + nonce + "'"
		}
		policies[i], changed = add(p, source), true
	}
	if changed {
		lines := make([]string, len(policies))
		for i, p := range policies {
			lines[i] = strings.Join(p, ";")
		}
		h[name] = []string{strings.Join(lines, ",")}
	}
	return nonce
}

// sources returns the directive that decides about script elements, and its
// sources: nil if there is none. Of directives with one name the first counts.
func sources(policy []string) (index int, list []string) {
	for _, want := range []string{"script-src-elem", "script-src", "default-src"} {
		for i, d := range policy {
			if f := strings.Fields(d); len(f) > 0 && strings.EqualFold(f[0], want) {
				return i, append([]string{}, f[1:]...)
			}
		}
	}
	return -1, nil
}

func nonceOf(_ int, list []string) string {
	for _, s := range list {
		if len(s) > 8 && strings.EqualFold(s[:7], "'nonce-") {
			return s[7 : len(s)-1]
		}
	}
	return ""
}

func admits(list []string, nonce string) bool {
	if nonce != "" && has(list, "'nonce-"+nonce+"'") {
		return true
	}
	if has(list, "'strict-dynamic'") {
		return false
	}
	return has(list, "'self'") || has(list, "*") || has(list, "http:")
}

func has(list []string, source string) bool {
	for _, s := range list {
		if strings.EqualFold(s, source) {
			return true
		}
	}
	return false
}

// add puts one source more where scripts are decided about. Where default-src
// decides, a script-src with its sources takes over, so that nothing else is
// widened.
func add(policy []string, source string) []string {
	i, list := sources(policy)
	d := strings.Fields(policy[i])
	name := d[0]
	if strings.EqualFold(name, "default-src") {
		name = "script-src"
	}
	kept := []string{name}
	for _, s := range list {
		if !strings.EqualFold(s, "'none'") { // it counts only alone
			kept = append(kept, s)
		}
	}
	text := strings.Join(append(kept, source), " ")
	out := append([]string{}, policy...)
	if name != d[0] {
		return append(out, " "+text)
	}
	if strings.HasPrefix(out[i], " ") {
		text = " " + text
	}
	out[i] = text
	return out
}

// scriptSource is the path of the script as a source, or 'self' where the host
// cannot be written as one (an IPv6 address).
func scriptSource(host string) string {
	if host == "" || strings.ContainsAny(host, "[],; '\"") {
		return "'self'"
	}
	return host + prefix + "client.js"
}

func newNonce() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
