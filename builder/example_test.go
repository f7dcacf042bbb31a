package builder_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/builder"
)

// A build, and one that fails. Both leave the caller's own directory alone.
func Example() {
	dir, err := os.MkdirTemp("", "builder")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	save := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	save("go.mod", "module example.com/hello\n\ngo 1.21\n")
	save("main.go", "package main\n\nfunc main() { println(1) }\n")

	b, err := builder.New(builder.Options{Dir: dir, Cache: filepath.Join(dir, "cache"), Name: "hello", Env: os.Environ()})
	if err != nil {
		log.Fatal(err)
	}
	first := b.Build(context.Background(), 1)
	fmt.Println(first.OK)

	// A comment makes the same program.
	save("main.go", "package main\n\nfunc main() { println(1) } // a comment\n")
	second := b.Build(context.Background(), 2)
	fmt.Println(second.OK, second.Sum == first.Sum)

	save("main.go", "package main\n\nfunc main() { println(one) }\n")
	third := b.Build(context.Background(), 3)
	fmt.Println(third.OK, third.Summary)
	for _, d := range third.Diagnostics {
		fmt.Printf("%s:%d:%d: %s\n", filepath.Base(d.File), d.Line, d.Column, d.Message)
	}
	// Output:
	// true
	// true true
	// false 1 error in ./main.go
	// main.go:3:23: undefined: one
}
