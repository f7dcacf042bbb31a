package inspect

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// masked is shown instead of a value that is secret.
const masked = "(hidden)"

// secretHeaders have credentials, whatever their value looks like.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// secretWords are parts of names whose values are credentials as a rule.
var secretWords = []string{"token", "secret", "password", "passwd", "apikey", "api-key", "api_key", "credential", "signature"}

func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

// maskHeader is the value of a header as it is shown.
func maskHeader(name, value string) string {
	switch name = http.CanonicalHeaderKey(name); {
	case slices.Contains(secretHeaders, name) || secretName(name):
		return masked
	case name == "Location" || name == "Referer" || name == "Content-Location":
		return maskTarget(value)
	}
	return value
}

// maskPairs is a query, or a form, as it is shown. What cannot be read stays as it is, in its order.
func maskPairs(pairs string) string {
	list := strings.Split(pairs, "&")
	for i, p := range list {
		name, value, has := strings.Cut(p, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if has && value != "" && secretName(plain) {
			list[i] = name + "=" + masked
		}
	}
	return strings.Join(list, "&")
}

// maskTarget is the target of a request as it is shown.
func maskTarget(target string) string {
	p, query, has := strings.Cut(target, "?")
	if !has {
		return p
	}
	return p + "?" + maskPairs(query)
}

// path is the target of a request without its query.
func path(target string) string {
	p, _, _ := strings.Cut(target, "?")
	return p
}
