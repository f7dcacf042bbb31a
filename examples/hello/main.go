// Hello is a small web server to try hotreload on. From this directory, run
//
//	hotreload run --proxy
//
// open the address that it prints, and change the lines marked EDIT ME, one at a time, here and in the other files. Save, and the
// change is live.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// EDIT ME: the name that the page greets.
const name = "world"

// EDIT ME: one of "sea", "forest", "sunset".
const mood = "sea"

// The page is built into the program. It counts as source code: change page.html, and the program is built again.
//
//go:embed page.html
var page string

func main() {
	log.SetFlags(0)

	// The greeting is read once, when the program starts. So a change needs a restart, but no build.
	// The rule in .hotreload.toml says so.
	greeting, err := template.ParseFiles("templates/greeting.html")
	if err != nil {
		log.Fatal(err)
	}
	tmpl := template.Must(greeting.New("page").Parse(page))
	started := time.Now()

	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		data := map[string]any{"Name": name, "Mood": mood, "Pid": os.Getpid(), "Since": started.Format("15:04:05")}
		if err := tmpl.Execute(w, data); err != nil {
			log.Print(err)
		}
	})
	http.HandleFunc("GET /api", func(w http.ResponseWriter, r *http.Request) {
		// EDIT ME: what `curl ADDRESS/api` answers.
		fmt.Fprintf(w, "hello, %s! (pid %d)\n", name, os.Getpid())
	})

	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if err := serve(net.JoinHostPort("127.0.0.1", port)); err != nil {
		log.Fatal(err)
	}
}

// serve answers requests until the program is asked to stop, and then finishes the requests that it is working on. So a
// restart does not break a page that is loading.
func serve(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: addr}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	// With a proxy, the page is at its address.
	url := os.Getenv("HOTRELOAD_URL")
	if url == "" {
		url = "http://" + addr
	}
	log.Printf("hello is at %s", url)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
