//go:build unix

package runner_test

import (
	"bytes"
	"fmt"
	"log"
	"regexp"
	"time"

	"github.com/hotreload/hotreload/runner"
)

// A server is started, awaited, and stopped with everything that it has started.
func Example() {
	var output bytes.Buffer
	p, err := runner.Start(runner.Spec{
		Path:        "/bin/sh",
		Args:        []string{"sh", "-c", "sleep 1000 & echo listening; wait"},
		Stdout:      runner.Stream{Write: func(b []byte) { output.Write(b) }},
		Ready:       runner.Ready{Log: regexp.MustCompile("listening")},
		StopTimeout: time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready:", <-p.Ready())
	p.Stop()
	exit := <-p.Exited()
	<-p.Gone()
	fmt.Print(output.String())
	fmt.Println(exit.Reason)
	// Output:
	// ready: <nil>
	// listening
	// ended by signal 15 (SIGTERM)
}
