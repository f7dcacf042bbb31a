package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// policyHeaders are the headers that have policies. One that only reports refuses nothing, but it
// would report us to the program.
var policyHeaders = []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"}

// need is one thing that the client loads: the directives that can decide about it, in their
// order, and its path below prefix.
type need struct {
	directives []string
	path       string
	script     bool // an element: a nonce admits it, and strict-dynamic ignores its path
}

// needs has the scripts last: worker-src falls back to script-src.
var needs = []need{
	{[]string{"worker-src", "child-src", "script-src", "default-src"}, "worker.js", false},
	{[]string{"connect-src", "default-src"}, "", false},
	{[]string{"script-src-elem", "script-src", "default-src"}, "client.js", true},
}

// granted is what the element of the client has to know about the policies of its page.
type granted struct {
	nonce    string // for the element; empty: none is needed
	noWorker bool   // trusted types refuse a worker by its URL
}

// allow makes the policies of a document admit the client: its script, its worker and its
// connection. It adds no more than the exact paths of these, which opens nothing else for the
// page: what fails in production fails here too. A nonce is used if there is one. strict-dynamic
// ignores paths, so it gets a nonce.
//
// We rejected 'self' instead of the paths: a page whose own requests its policy forbids would work
// behind the proxy only.
func allow(h http.Header, host string) (g granted) {
	// All policies hold, but an element has one nonce: the first one.
	for p := range policies(h) {
		if strings.EqualFold(firstOf(p, "require-trusted-types-for"), "'script'") {
			g.noWorker = true
		}
		if _, list := deciding(p, needs[len(needs)-1].directives); g.nonce == "" {
			g.nonce = nonceOf(list)
		}
	}
	for _, name := range policyHeaders {
		for i, line := range h[name] {
			list := strings.Split(line, ",")
			for j, p := range list {
				list[j] = g.admit(p, host)
			}
			h[name][i] = strings.Join(list, ",")
		}
	}
	return g
}

// policies yields each policy of the headers as its directives.
func policies(h http.Header) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for _, name := range policyHeaders {
			for _, line := range h[name] {
				for p := range strings.SplitSeq(line, ",") {
					if !yield(strings.Split(p, ";")) {
						return
					}
				}
			}
		}
	}
}

// admit adds to one policy what is missing for the client.
func (g *granted) admit(policy, host string) string {
	p := strings.Split(policy, ";")
	changed := false
	for _, n := range needs {
		i, list := deciding(p, n.directives)
		source := ownSource(host, n.path)
		if i < 0 || g.admits(n, list, source) {
			continue
		}
		if n.script && has(list, "'strict-dynamic'") {
			if g.nonce == "" {
				g.nonce = newNonce()
			}
			source = "'nonce-" + g.nonce + "'"
		}
		p, changed = add(p, i, n, append(list, source)), true
	}
	if !changed {
		return policy
	}
	return strings.Join(p, ";")
}

func (g *granted) admits(n need, list []string, source string) bool {
	if n.script && g.nonce != "" && has(list, "'nonce-"+g.nonce+"'") {
		return true
	}
	if has(list, "'strict-dynamic'") && n.path != "" {
		return !n.script // a worker of an admitted script is admitted
	}
	return has(list, source) || has(list, "'self'") || has(list, "*") || has(list, "http:")
}

// deciding returns the directive that decides, and its sources; a negative index if there is none.
// Of directives with one name the first counts.
func deciding(policy []string, names []string) (index int, list []string) {
	for _, want := range names {
		for i, d := range policy {
			if f := strings.Fields(d); len(f) > 0 && strings.EqualFold(f[0], want) {
				return i, f[1:]
			}
		}
	}
	return -1, nil
}

// firstOf is the first value of a directive.
func firstOf(policy []string, name string) string {
	if _, list := deciding(policy, []string{name}); len(list) > 0 {
		return list[0]
	}
	return ""
}

// add puts the sources where it is decided. Where that is a directive for more than what is
// needed, a narrower one with its sources takes over, so that nothing else is opened.
func add(policy []string, index int, n need, list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.EqualFold(s, "'none'") }) // it counts only alone
	name := strings.Fields(policy[index])[0]
	wider := !strings.EqualFold(name, n.directives[0])
	if n.script {
		wider = strings.EqualFold(name, "default-src")
	}
	if wider {
		name = n.directives[0]
		if n.script {
			name = "script-src" // -elem would leave event handlers to default-src alone
		}
		return append(slices.Clone(policy), " "+name+" "+strings.Join(list, " "))
	}
	text := name + " " + strings.Join(list, " ")
	if strings.HasPrefix(policy[index], " ") {
		text = " " + text
	}
	policy = slices.Clone(policy)
	policy[index] = text
	return policy
}

func nonceOf(list []string) string {
	for _, s := range list {
		if len(s) > 8 && strings.EqualFold(s[:7], "'nonce-") {
			return s[7 : len(s)-1]
		}
	}
	return ""
}

func has(list []string, source string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, source) })
}

// ownSource is a path below prefix as a source, or 'self' where the host cannot be written as one
// (an IPv6 address).
func ownSource(host, path string) string {
	if host == "" || strings.ContainsAny(host, "[],; '\"") {
		return "'self'"
	}
	return host + prefix + path
}

func newNonce() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
