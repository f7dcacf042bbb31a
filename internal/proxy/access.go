package proxy

import (
	"net/http"

	sessionpage "github.com/hotreload/hotreload/internal/page"
)

// access says who may ask for our own pages.
func (p *Proxy) access() sessionpage.Access {
	return sessionpage.Access{Listen: p.opt.Listen, Hosts: p.opt.Hosts}
}

// stranger reports whether a request came under a name that is not admitted. The program answers it
// as it does for anyone, but gets no script of ours into its page, and no code is shown.
func (p *Proxy) stranger(r *http.Request) bool {
	_, ok := p.access().Admits(r)
	return !ok
}
