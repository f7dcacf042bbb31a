// Web is the page of the shop.
package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"

	"example.org/shop/catalog"
	"example.org/shop/serve"
)

//go:embed page.html
var page string

func main() {
	log.SetFlags(0)
	tmpl := template.Must(template.New("page").Funcs(template.FuncMap{"price": catalog.Price}).Parse(page))
	api := "http://" + serve.Env("API_ADDR", "127.0.0.1:8081")

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.Get(api + "/shop")
		if err != nil {
			http.Error(w, "the api is away", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		var shop struct {
			Name  string
			Items []catalog.Item
			Pid   int
		}
		if err := json.NewDecoder(resp.Body).Decode(&shop); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		data := map[string]any{"Shop": shop, "Pid": os.Getpid()}
		if err := tmpl.Execute(w, data); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("POST /buy", func(w http.ResponseWriter, r *http.Request) {
		resp, err := http.PostForm(api+"/orders", url.Values{"item": {r.FormValue("item")}})
		if err != nil {
			http.Error(w, "the api is away", http.StatusBadGateway)
			return
		}
		resp.Body.Close()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	serve.Until(serve.Env("WEB_ADDR", "127.0.0.1:8082"), mux)
}
