package proxy

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFamilies: a program on one family only, given an address of the other one (P20).
func TestFamilies(t *testing.T) {
	for at, given := range map[string]string{"[::1]:0": "127.0.0.1:%d", "127.0.0.1:0": "[::1]:%d"} {
		t.Run(at, func(t *testing.T) {
			ln, err := net.Listen("tcp", at)
			if err != nil {
				t.Skip("the system lacks the family: ", err)
			}
			a := serveApp(t, ln, says("here"))
			port := ln.Addr().(*net.TCPAddr).Port
			a.addr = fmt.Sprintf(given, port)
			r := start(t, Options{})
			r.goLive(a)
			want(t, r.get("/"), 200, "here")
		})
	}
	t.Run("once it has answered, the other family is not its", func(t *testing.T) {
		a := startApp(t, says("here"))
		_, port, _ := net.SplitHostPort(a.addr)
		other, err := net.Listen("tcp", "[::1]:"+port)
		if err != nil {
			t.Skip(err)
		}
		serveApp(t, other, says("a stranger"))
		r := start(t, Options{Hold: time.Millisecond})
		r.goLive(a)
		want(t, r.get("/"), 200, "here")
		a.kill()
		if got := r.get("/"); got.StatusCode != 502 {
			t.Errorf("%s %q", got.Status, got.body)
		}
	})
}

// TestTLSUpstream: a program that speaks TLS with a self-signed certificate (P20).
func TestTLSUpstream(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%v %s %s", r.TLS != nil, r.Host, r.URL.RequestURI())
	}))
	server.StartTLS()
	t.Cleanup(server.Close)
	r := start(t, Options{})
	r.goLive(&app{addr: server.URL})
	want(t, r.get("/a?b", "Host", "shop.test"), 200, "true shop.test /a?b")
	for at, insecure := range map[string]bool{
		"https://127.0.0.1:1": true, "https://[::1]:1": true, "https://localhost:1": true, "https://192.0.2.1:1": false, "https://example.com:1": false, "https://localhost.evil.example:1": false,
	} {
		if got := parseAddress(at).tls().InsecureSkipVerify; got != insecure {
			t.Errorf("%s: InsecureSkipVerify %v", at, got)
		}
	}
}

// TestTLSUnsaid: a program speaks TLS, and no setting says so; the next one does not (P20).
func TestTLSUnsaid(t *testing.T) {
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%v %s %s", r.TLS != nil, r.URL.RequestURI(), body)
	})
	secure := httptest.NewUnstartedServer(serve)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(serve)
	t.Cleanup(plain.Close)
	r := start(t, Options{})
	for _, s := range []*httptest.Server{secure, plain, secure} {
		r.goLive(&app{addr: s.Listener.Addr().String()})
		want(t, r.get("/a?b"), 200, fmt.Sprint(s == secure, " /a?b "))
		posted, err := r.do("POST", "/form", "text")
		if err != nil {
			t.Fatal(err)
		}
		want(t, posted, 200, fmt.Sprint(s == secure, " /form text"))
		r.gen++
	}
	// The same words from a program that speaks HTTP are its answer.
	words := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, strings.TrimSpace(toTLS), 400) }))
	t.Cleanup(words.Close)
	r.goLive(&app{addr: words.Listener.Addr().String()})
	want(t, r.get("/"), 400, toTLS)
}

// TestTLSFirstPost: the first request to a program that speaks TLS, or no longer does, has a body. The program
// gets it once and whole, whatever its length, and however slowly the client sends it (P20).
func TestTLSFirstPost(t *testing.T) {
	var mu sync.Mutex
	var got []string
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf("%v %v %d %x", r.TLS != nil, err, r.ContentLength, sha256.Sum256(body)))
		fmt.Fprint(w, r.Trailer.Get("X-Sum"))
	})
	for name, c := range map[string]struct {
		size    int
		chunked bool
		slow    bool
	}{
		"a form": {20, false, false}, "in chunks": {20, true, false}, "slowly": {20, true, true},
		"more than is kept": {3 << 20, false, false}, "more, in chunks": {3 << 20, true, false}, "more, slowly": {1 << 20, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, Options{})
			for _, secure := range []bool{true, false, true} {
				s := httptest.NewUnstartedServer(serve)
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				opened := make(chan struct{}, 100)
				s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateNew {
						opened <- struct{}{}
					}
				}
				if secure {
					s.StartTLS()
				} else {
					s.Start()
				}
				t.Cleanup(s.Close)
				r.goLive(&app{addr: s.Listener.Addr().String()})
				r.gen++
				text := bytes.Repeat([]byte("0123456789abcdefghij"), c.size/20)
				in, out := io.Pipe()
				go func() {
					_, _ = out.Write(text[:len(text)/4])
					for i := 0; c.slow && i < 2; i++ {
						<-opened // the second connection is the right one
					}
					_, _ = out.Write(text[len(text)/4:])
					out.Close()
				}()
				req, err := http.NewRequest("POST", r.URL()+"/form", in)
				if err != nil {
					t.Fatal(err)
				}
				length := int64(-1)
				if c.chunked {
					req.Trailer = http.Header{"X-Sum": {"whole"}}
				} else {
					length = int64(len(text))
					req.ContentLength = length
				}
				mu.Lock()
				got = nil
				mu.Unlock()
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				answer, err := io.ReadAll(res.Body)
				res.Body.Close()
				mu.Lock()
				want := []string{fmt.Sprintf("%v <nil> %d %x", secure, length, sha256.Sum256(text))}
				if err != nil || res.StatusCode != 200 || !slices.Equal(got, want) || c.chunked != (string(answer) == "whole") {
					t.Errorf("TLS %v: %v %s %q: the program got %q, want %q", secure, err, res.Status, answer, got, want)
				}
				mu.Unlock()
			}
		})
	}
}

// TestTwiceBody: the second reader gets all that the first one has read or still reads; and none is there
// when too much was read.
func TestTwiceBody(t *testing.T) {
	in, out := io.Pipe()
	b := newTwiceBody(&http.Request{Body: in})
	first := b.reader
	go out.Write([]byte("ab"))
	if _, err := io.ReadFull(first, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	left := make(chan error, 1)
	go func() { // it waits for the client, and goes on to wait when its connection is closed
		_, err := io.ReadAll(first)
		left <- err
	}()
	second, err := b.again()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = out.Write([]byte("cd"))
		out.Close()
	}()
	if got, err := io.ReadAll(second); err != nil || string(got) != "abcd" {
		t.Errorf("%q, %v", got, err)
	}
	if err := <-left; err != nil && !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Error(err)
	}
	b = newTwiceBody(&http.Request{Body: io.NopCloser(bytes.NewReader(make([]byte, 4*firstPart)))})
	if n, err := io.Copy(io.Discard, b.reader); n != 4*firstPart || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := b.again(); !errors.Is(err, errNotAgain) {
		t.Errorf("a body that is gone: %v", err)
	}
	if len(b.kept) > 0 {
		t.Errorf("%d bytes are kept for nothing", len(b.kept))
	}
	p := &Proxy{opt: Options{Service: "api"}}
	rep := (&trouble{p: p, kind: noAnswer, err: fmt.Errorf("x: %w", errNotAgain)}).report()
	if rep.Title != "Not sent" || !strings.Contains(rep.Text, "did not get this request") {
		t.Errorf("%+v", rep)
	}
}

// TestRedirects to the program's own port lead to the proxy (P20).
func TestRedirects(t *testing.T) {
	to := make(chan string, 1)
	r, a := startLive(t, Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", <-to)
		w.WriteHeader(302)
	}))
	_, port, _ := net.SplitHostPort(a.addr)
	for _, tt := range []struct{ in, want string }{
		{"http://127.0.0.1:" + port + "/a?b#c", "http://shop.test:8090/a?b#c"},
		{"http://localhost:" + port + "/", "http://shop.test:8090/"},
		{"https://[::1]:" + port, "http://shop.test:8090"},
		{"/a", "/a"},
		{"//localhost:" + port + "/a", "http://shop.test:8090/a"},
		{"http://localhost:1/a", "http://localhost:1/a"},
		{"http://localhost/a", "http://localhost/a"},
		{"https://example.com:" + port + "/a", "https://example.com:" + port + "/a"},
		{"http://shop.test:8090/a", "http://shop.test:8090/a"},
		{"http://127.0.0.1:" + port + "/%zz", "http://127.0.0.1:" + port + "/%zz"},
	} {
		to <- tt.in
		if got := r.get("/", "Host", "shop.test:8090").Header.Get("Location"); got != tt.want {
			t.Errorf("%s became %s, want %s", tt.in, got, tt.want)
		}
	}
	to <- "http://" + a.addr + "/"
	if got := r.get("/", "Host", "shop.test", "X-Forwarded-Proto", "https").Header.Get("Location"); got != "https://shop.test/" {
		t.Error(got)
	}
}

// certificate writes a certificate for this machine, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestOwnTLS: the proxy speaks TLS itself: pages, its own endpoints, HTTP/2 and upgrades (P20).
func TestOwnTLS(t *testing.T) {
	cert, key := certificate(t)
	r := start(t, Options{Inject: true, Cert: cert, Key: key})
	r.goLive(startApp(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			c, rw, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
			_ = rw.Flush()
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><head></head>%s", r.Header.Get("X-Forwarded-Proto"))
	})))
	if !strings.HasPrefix(r.URL(), "https://127.0.0.1:") {
		t.Fatal(r.URL())
	}
	for _, h2 := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP1(!h2)
		tr.Protocols.SetHTTP2(h2)
		t.Cleanup(tr.CloseIdleConnections)
		get := func(path, origin string) (int, string) {
			req, _ := http.NewRequest("GET", r.URL()+path, nil)
			req.Header.Set("Sec-Fetch-Dest", "document")
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			res, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if h2 != (res.ProtoMajor == 2) {
				t.Error(res.Proto)
			}
			b, _ := io.ReadAll(res.Body)
			return res.StatusCode, string(b)
		}
		if _, body := get("/", ""); !strings.Contains(body, "client.js") || !strings.HasSuffix(body, "https") {
			t.Error(body)
		}
		if code, _ := get("/__hotreload/state", r.URL()); code != 200 {
			t.Error(code)
		}
		if code, _ := get("/__hotreload/state", strings.Replace(r.URL(), "https", "http", 1)); code != 403 {
			t.Error(code)
		}
	}
	c, err := tls.Dial("tcp", r.ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(hang))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if b, err := io.ReadAll(bufio.NewReader(c)); err != nil || !strings.Contains(string(b), "101 ") || !strings.HasSuffix(string(b), "hello") {
		t.Errorf("%v %q", err, b)
	}
	if _, err := New(Options{Listen: "127.0.0.1:0", Cert: key, Key: key}); err == nil || !strings.Contains(err.Error(), "proxy.cert") {
		t.Error(err)
	}
}
