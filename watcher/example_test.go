package watcher_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/watcher"
)

func Example() {
	dir, err := os.MkdirTemp("", "watcher")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "page.html"), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	write("one")

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	err = watcher.Watch(ctx, watcher.Options{Scope: watcher.Scope{Trees: []string{dir}}}, func(b watcher.Batch) {
		if len(b.Changes) == 0 {
			fmt.Println("watching")
			write("one") // no change
			write("two")
			return
		}
		for _, c := range b.Changes {
			fmt.Println("changed:", filepath.Base(c.Path))
		}
		stop()
	})
	fmt.Println(err)
	// Output:
	// watching
	// changed: page.html
	// <nil>
}

// A caller that needs to know more makes a Watcher: notices for people, and changes before the
// burst has settled.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "watcher")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := watcher.New(watcher.Options{
		Scope:   watcher.Scope{Trees: []string{dir}},
		Exclude: []string{"*.log"},
		Early:   true,
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go w.Run(ctx)
	<-w.Ready()
	os.WriteFile(filepath.Join(dir, "app.log"), []byte("started"), 0o600)
	os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main"), 0o600)
	b := <-w.Batches()
	fmt.Println(len(b.Changes), filepath.Base(b.Changes[0].Path), b.Open)
	b = <-w.Batches()
	fmt.Println(len(b.Changes), b.Open)
	stop()
	for range w.Batches() {
	}
	// Output:
	// 1 main.go true
	// 0 false
}
