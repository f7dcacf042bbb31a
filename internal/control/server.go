package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hotreload/hotreload/internal/page"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/internal/safe"
)

// Backend is the session behind the API.
type Backend interface {
	Command(plan.Command)
	Status(ctx context.Context) (Status, error)
	// Wait returns when everything that was asked for before the call, by files
	// or by commands, has come to its end. It looks at the files itself.
	Wait(ctx context.Context, service string) (Outcome, error)
	// Subscribe returns a stream of event lines that begins now. A reader that
	// is too slow loses the stream, never the session: the channel is closed.
	Subscribe(ctx context.Context) <-chan []byte
	// Logs hands over what the programs have written, of one service or (empty) of all: the
	// last lines of each, or what is kept of it if lines is negative. With follow it goes on
	// until the session ends, ctx is canceled, or take fails. It waits for no reader: one that
	// falls behind misses some.
	// If there is no error take is called at once, also for nothing.
	Logs(ctx context.Context, service string, lines int, follow bool, take func([]LogPiece) error) error
	// Reload lets browsers load their pages again and returns how many tabs that are. The
	// error is ErrNoProxy where none is.
	Reload(ctx context.Context, service string) (tabs int, err error)
}

// ErrNoProxy is returned where no proxy is in front of the program, so that no browser can be
// reached.
var ErrNoProxy = errors.New("there is no proxy, so no browser tab is known: set proxy.listen")

// ErrNoService is returned for a service that does not exist.
var ErrNoService = errors.New("no such service")

// ErrNotBegun is returned of a session that ended before it began: its config or its packages are wrong.
var ErrNotBegun = errors.New("the session did not start")

// Server is the control API, on a Unix socket and perhaps on a loopback address.
type Server struct {
	b    Backend
	http *http.Server
	page *page.Page
	over chan struct{} // closed when the session is over
	path string
	file fs.FileInfo // of the socket that is ours

	mu        sync.Mutex
	listeners []net.Listener // the socket, then the address if there is one
	closed    bool
}

// SocketPath is where the session of the project with this cache directory
// listens: in the runtime directory of the user. The name is short, because the
// path of a Unix socket may have only about a hundred bytes.
func SocketPath(cache string) string {
	base := os.Getenv("XDG_RUNTIME_DIR")
	if fi, err := os.Stat(base); base == "" || err != nil || !fi.IsDir() {
		base = ownTemp()
	} else {
		base = filepath.Join(base, "hotreload")
	}
	id := filepath.Base(cache)
	if i := strings.LastIndexByte(id, '-'); i >= 0 {
		id = id[i+1:]
	}
	return filepath.Join(base, id+".sock")
}

// Serve opens the socket, and addr if it is not empty. how can be had over the socket alone; pg is
// the page that is served on addr, and has from now on what it asks of the session. The caller holds
// the project's lock, so a socket that exists is one of a dead session.
func Serve(b Backend, how Invocation, socket, addr string, pg *page.Page) (*Server, error) {
	s := &Server{b: b, page: pg, path: socket, over: make(chan struct{})}
	dir := filepath.Dir(socket)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("no control socket: %w", foreign(dir, err, ownRuntime))
	}
	if err := private(dir, ownRuntime); err != nil {
		return nil, fmt.Errorf("no control socket: %w", err)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no control socket: %w", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("no control socket: %w", err)
	}
	// Only what is ours is removed at the end, which the name does not show.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if s.file, err = os.Lstat(socket); err != nil {
		l.Close()
		return nil, fmt.Errorf("no control socket: %w", err)
	}
	s.listeners = append(s.listeners, l)
	if addr != "" {
		l, err := proc.Listen("control.listen", addr)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /invocation", func(w http.ResponseWriter, r *http.Request) {
		if r.Host != socketHost { // it may have secrets
			http.NotFound(w, r)
			return
		}
		answer(w, http.StatusOK, how)
	})
	mux.HandleFunc("GET /ended", s.ended)
	mux.HandleFunc("GET /wait", s.wait)
	mux.HandleFunc("GET /logs", s.logs)
	mux.HandleFunc("POST /reload", s.reload)
	for name, do := range map[string]plan.Do{"restart": plan.DoRestart, "rebuild": plan.DoRebuild} {
		mux.HandleFunc("POST /"+name, s.command(do, true))
	}
	for name, do := range map[string]plan.Do{"pause": plan.DoPause, "resume": plan.DoResume, "stop": plan.DoQuit} {
		mux.HandleFunc("POST /"+name, s.command(do, false))
	}
	s.requests(mux)
	pg.Serve(mux)
	s.http = &http.Server{Handler: withPage(pg, guarded(mux)), ReadHeaderTimeout: 5 * time.Second}
	for _, l := range s.listeners {
		go s.http.Serve(l)
	}
	return s, nil
}

// Refuse takes no request any more and removes the socket; those under way go on. So the project's
// lock can be released before they learn from Close that the session is over.
func (s *Server) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	if fi, err := os.Lstat(s.path); err == nil && os.SameFile(fi, s.file) {
		os.Remove(s.path)
	}
}

// Close ends the API.
func (s *Server) Close() error {
	s.Refuse()
	close(s.over)
	if s.http != nil {
		// Requests under way are answered: `hotreload stop` waits for its answer.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			s.http.Close()
		}
	}
	return nil
}

// ended answers at once, and ends its answer with the session.
func (s *Server) ended(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-s.over:
	case <-r.Context().Done():
	}
}

// withPage serves the page of the session besides the API. It has its own guard: what the page
// sends comes from a browser, which the API refuses.
func withPage(pg *page.Page, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, page.Prefix) {
			api.ServeHTTP(w, r)
			return
		}
		if why := (page.Access{}).Refuse(r); why != "" {
			refuse(w, http.StatusForbidden, errors.New(why))
			return
		}
		pg.ServeHTTP(w, r)
	})
}

// guarded refuses what a web page could send: a page cannot forge Host for a
// loopback address by rebinding a name, nor hide its Origin.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		// A name without a dot may be anybody's, where a network completes it.
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		socket := local != nil && local.Network() == "unix"
		switch ip := net.ParseIP(strings.Trim(host, "[]")); {
		case host == "localhost" || host == socketHost && socket || ip != nil && ip.IsLoopback():
		default:
			refuse(w, http.StatusForbidden, fmt.Errorf("host %q is not this machine: use localhost", r.Host))
			return
		}
		if o, given := r.Header["Origin"]; given {
			refuse(w, http.StatusForbidden, fmt.Errorf("requests from web pages (origin %q) are refused", strings.Join(o, ", ")))
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" {
			refuse(w, http.StatusForbidden, errors.New("requests from web pages are refused"))
			return
		}
		if strings.HasPrefix(r.URL.Path, "/requests") && r.Host != socketHost { // it has what people typed into forms
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// socketHost is the host in requests over the socket, and only there.
const socketHost = "hotreload"

func refuse(w http.ResponseWriter, code int, err error) {
	answer(w, code, map[string]string{"error": err.Error()})
}

func unavailable(err error) int {
	if errors.Is(err, ErrNotBegun) {
		return http.StatusGone
	}
	return http.StatusServiceUnavailable
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(encode(v))
}

// encode is v as a line of JSON.
func encode(v any) []byte {
	line, _ := safe.Marshal(v, "") // the answers are structs of plain fields
	return line
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	st, err := s.b.Status(r.Context())
	if err != nil {
		refuse(w, unavailable(err), err)
		return
	}
	if r.Host == socketHost { // it has the token of the page, which is for this user alone
		st.PageURL = s.pageURL(st)
	}
	answer(w, http.StatusOK, st)
}

// pageURL is the address of the page, on the first proxy or else on control.listen; empty: there is
// no server that a browser can reach.
func (s *Server) pageURL(st Status) string {
	for _, v := range st.Services {
		if v.ProxyURL != "" {
			return s.page.URL(strings.TrimSuffix(v.ProxyURL, "/"))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) > 1 {
		return s.page.URL("http://" + s.listeners[1].Addr().String())
	}
	return ""
}

func (s *Server) wait(w http.ResponseWriter, r *http.Request) {
	service := r.URL.Query().Get("service")
	if service != "" {
		if st, err := s.b.Status(r.Context()); err == nil {
			if err := knows(st, service); err != nil {
				refuse(w, http.StatusNotFound, err)
				return
			}
		}
	}
	s.outcome(w, r, service)
}

func (s *Server) outcome(w http.ResponseWriter, r *http.Request, service string) {
	o, err := s.b.Wait(r.Context(), service)
	switch {
	case errors.Is(err, ErrNoService):
		refuse(w, http.StatusNotFound, err)
	case err != nil:
		refuse(w, unavailable(err), err)
	default:
		answer(w, http.StatusOK, o)
	}
}

func (s *Server) command(do plan.Do, wait bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		service := r.URL.Query().Get("service")
		if !s.known(w, r, service) {
			return
		}
		if do == plan.DoQuit && service != "" {
			s.b.Command(plan.Command{Do: plan.DoStop, Service: service, Why: "requested over the control API"})
			s.outcome(w, r, service)
			return
		}
		s.b.Command(plan.Command{Do: do, Service: service, Why: "requested over the control API"})
		if wait {
			s.outcome(w, r, service)
			return
		}
		answer(w, http.StatusOK, map[string]bool{"ok": true})
	}
}

// knows is an error that names the services there are, if there is none of this name.
func knows(st Status, service string) error {
	var names []string
	for _, s := range st.Services {
		if s.Service == service {
			return nil
		}
		names = append(names, s.Service)
	}
	return fmt.Errorf("%w: %q; there is %s", ErrNoService, service, strings.Join(names, ", "))
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	lines := s.b.Subscribe(r.Context())
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	for line := range lines {
		if _, err := w.Write(line); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
	}
}
