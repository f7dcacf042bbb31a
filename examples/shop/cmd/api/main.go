// Api lists what the shop sells, and takes orders.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"

	"example.org/shop/catalog"
	"example.org/shop/serve"
)

// orders are waiting for the worker.
var (
	mu     sync.Mutex
	orders []string
)

func main() {
	log.SetFlags(0)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"name": catalog.Name, "items": catalog.Items, "pid": os.Getpid()})
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		item := r.FormValue("item")
		orders = append(orders, item)
		log.Printf("ordered: %s", item)
		// EDIT ME: the message to the customer.
		fmt.Fprintf(w, "Thank you! Your %s is on its way.\n", item)
	})
	mux.HandleFunc("POST /orders/take", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		json.NewEncoder(w).Encode(orders)
		orders = nil
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {})
	serve.Until(serve.Env("API_ADDR", "127.0.0.1:8081"), mux)
}
