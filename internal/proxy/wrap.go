package proxy

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"strings"
)

// wraps reports whether an answer is an error in plain text that a browser shows in place of a page.
// It has no room for the script, so the page would not come back when the program is repaired.
func (x *exchange) wraps(res *http.Response) bool {
	dest, modern := x.q.Header["Sec-Fetch-Dest"]
	return x.injects && (x.q.use == page || x.q.use == form) && (!modern || dest[0] == "document") &&
		res.StatusCode >= 400 && mediaType(res.Header) == "text/plain" && asciiBased(res.Header) &&
		!download(res.Header)
}

// wrap makes a page of the text, with the script, and with links where the text names files.
func (x *exchange) wrap(res *http.Response) {
	code := codingOf(res.Header)
	if code == nil {
		return // in an encoding that cannot be undone
	}
	raw := &recorder{r: res.Body, on: true}
	text, err := code.decode(raw)
	if err != nil {
		res.Body = &body{io.MultiReader(bytes.NewReader(raw.seen), failing{res.Body, raw.err}), res.Body}
		return
	}
	raw.on, raw.seen = false, nil
	charset := "utf-8"
	if _, params, err := mime.ParseMediaType(res.Header.Get("Content-Type")); err == nil && params["charset"] != "" && !strings.ContainsAny(params["charset"], " ;,\"") {
		charset = params["charset"]
	}
	title := strings.TrimSpace(fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode)))
	head := fmt.Sprintf(`<!doctype html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
%s
</head>
<body>
<pre wrap>`, html.EscapeString(title), x.tag(allow(res.Header, x.q.Host)))
	h := res.Header
	h.Set("Content-Type", "text/html; charset="+charset)
	for _, k := range []string{"Content-Length", "Content-Encoding", "Etag", "Accept-Ranges"} {
		h.Del(k)
	}
	res.ContentLength = -1
	res.Body = &body{io.MultiReader(strings.NewReader(head), &textPage{p: x.up.p, src: text}), res.Body}
}
