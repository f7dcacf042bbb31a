package proxy

import (
	_ "embed"
	"net/http"
)

//go:embed client/open.js
var openJS []byte

// openPath is where a click on a place goes if a command opens the editor.
const openPath = "open"

// openEditor runs the command for a place that was clicked.
func (p *Proxy) openEditor(w http.ResponseWriter, r *http.Request) {
	if p.mayChange(w, r, "the editor is opened by a click, which needs JavaScript") {
		p.project().ServeOpen(w, r)
	}
}
