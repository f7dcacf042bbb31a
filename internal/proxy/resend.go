package proxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxForm is how large a form may be that can be sent again. A larger one is still with the person.
const maxForm = 1 << 20

// keptForm is the body of a form as far as it was read, so that it can be offered to be sent again.
type keptForm struct {
	data  []byte
	whole bool // its end was seen
	lost  bool // it is too large
}

func (k *keptForm) add(p []byte, err error) {
	if k.lost = k.lost || len(k.data)+len(p) > maxForm; k.lost {
		k.data = nil
		return
	}
	k.data = append(k.data, p...)
	k.whole = k.whole || err == io.EOF
}

// resend is the form of a request as HTML that a browser sends as it came; empty if that is not
// possible. It is for the page of an error: whoever looks at it can send it again, and nothing does
// so without a click. We rejected loading the page again, with which a browser sends the form: it
// asks a question first, and some have no way to answer it.
//
// A form that another site sent is not offered: the program would take it for one of its own.
func (p *Proxy) resend(q *query) string {
	ok := q.Method == http.MethodPost && p.access().Refuse(q.Request) == ""
	if !ok {
		return ""
	}
	if !q.kept.whole && !q.kept.lost && !q.given && q.Body != nil {
		data, err := io.ReadAll(io.LimitReader(q.Body, maxForm+1))
		if err == nil {
			err = io.EOF
		}
		q.kept.add(data, err)
	}
	if q.kept.lost || !q.kept.whole {
		return ""
	}
	kind, params, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	var inputs string
	switch {
	case err != nil:
		return ""
	case kind == "application/x-www-form-urlencoded":
		inputs, ok = encodedInputs(string(q.kept.data))
	case kind == "multipart/form-data":
		inputs, ok = multipartInputs(q.kept.data, params["boundary"])
	default:
		return ""
	}
	if !ok {
		return ""
	}
	// Without an action it goes where this page is from.
	button := "<noscript><button>Send it again</button></noscript>"
	if strings.Contains(inputs, `type="file"`) {
		button = "" // the script puts the files back
	}
	return fmt.Sprintf("<form method=\"post\" enctype=\"%s\" accept-charset=\"utf-8\" data-again>\n%s%s</form>\n", kind, inputs, button)
}

// input is a hidden field; false if HTML cannot hold the value.
func input(name, value string) (string, bool) {
	if !utf8.ValidString(name+value) || strings.ContainsRune(name+value, 0) {
		return "", false
	}
	return fmt.Sprintf("<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", html.EscapeString(name), html.EscapeString(value)), true
}

func encodedInputs(body string) (string, bool) {
	var b strings.Builder
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		field, ok := input(n, v)
		if err1 != nil || err2 != nil || !ok {
			return "", false
		}
		b.WriteString(field)
	}
	return b.String(), true
}

func multipartInputs(body []byte, boundary string) (string, bool) {
	var b strings.Builder
	for r := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return b.String(), true
		}
		if err != nil {
			return "", false
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return "", false
		}
		_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		file, isFile := params["filename"]
		if !isFile {
			field, ok := input(part.FormName(), string(data))
			if !ok {
				return "", false
			}
			b.WriteString(field)
			continue
		}
		fmt.Fprintf(&b, "<input type=\"file\" hidden name=\"%s\"", html.EscapeString(part.FormName()))
		if file != "" {
			fmt.Fprintf(&b, " data-name=\"%s\" data-type=\"%s\" data-content=\"%s\"",
				html.EscapeString(file), html.EscapeString(part.Header.Get("Content-Type")), base64.StdEncoding.EncodeToString(data))
		}
		b.WriteString(">\n")
	}
}
