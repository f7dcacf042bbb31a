package control

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/hotreload/hotreload/internal/inspect"
)

// requests adds what the proxies keep of their requests. It is the user's alone: over the socket, or
// on the page with its token.
func (s *Server) requests(mux *http.ServeMux) {
	log := s.page.Requests
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, log.List())
	})
	one := func(do func(*http.Request, int) (inspect.Detail, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			id, err := strconv.Atoi(r.PathValue("id"))
			if err != nil {
				refuse(w, http.StatusNotFound, inspect.ErrUnknown)
				return
			}
			d, err := do(r, id)
			switch {
			case errors.Is(err, inspect.ErrUnknown):
				refuse(w, http.StatusNotFound, err)
			case err != nil:
				refuse(w, http.StatusConflict, err)
			default:
				answer(w, http.StatusOK, d)
			}
		}
	}
	mux.HandleFunc("GET /requests/{id}", one(func(_ *http.Request, id int) (inspect.Detail, error) { return log.Get(id) }))
	mux.HandleFunc("POST /requests/{id}/replay", one(func(r *http.Request, id int) (inspect.Detail, error) {
		return log.Replay(r.Context(), id)
	}))
	mux.HandleFunc("POST /requests/{id}/repeat", one(func(r *http.Request, id int) (inspect.Detail, error) {
		if err := log.Repeat(id, r.URL.Query().Get("on") != "false"); err != nil {
			return inspect.Detail{}, err
		}
		return log.Get(id)
	}))
}
