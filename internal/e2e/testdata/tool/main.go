// Tool does what the tests want of commands, on every system and in every shell: each argument is a
// step, up to "--". What follows is $* in their texts.
//
// Under the name of go it is the go command, which it finds in the file `real` beside it, and it
// writes its arguments into the file `log` there.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	self, err := os.Executable()
	check(err)
	if strings.TrimSuffix(filepath.Base(self), ".exe") == "go" {
		goCommand(filepath.Dir(self))
	}
	steps := os.Args[1:]
	if i := slices.Index(steps, "--"); i >= 0 {
		rest = strings.Join(steps[i+1:], " ")
		steps = steps[:i]
	}
	for _, s := range steps {
		step(s)
	}
}

var rest string

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// step is a verb and its arguments, which | separates.
func step(s string) {
	verb, text, _ := strings.Cut(s, " ")
	args := strings.Split(text, "|")
	switch verb {
	case "echo":
		fmt.Println(strings.TrimRight(expand(text), " "))
	case "error":
		fmt.Fprintln(os.Stderr, expand(text))
	case "print": // as it is, with the escapes of Go
		raw, err := strconv.Unquote(`"` + text + `"`)
		check(err)
		os.Stdout.WriteString(raw)
	case "wait":
		time.Sleep(1000 * time.Second)
	case "trap": // prints the text when it is asked to end
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM, os.Interrupt)
		go func() {
			<-asked
			fmt.Println(text)
			os.Exit(0)
		}()
	case "ignore": // a request to end
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, os.Interrupt)
	case "exit":
		code, err := strconv.Atoi(text)
		check(err)
		os.Exit(code)
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		check(err)
	case "count":
		last, err := strconv.Atoi(text)
		check(err)
		var b strings.Builder
		for i := range last {
			fmt.Fprintln(&b, i+1)
		}
		os.Stdout.WriteString(b.String())
	case "lines": // in pieces, on both streams
		n, err := strconv.Atoi(text)
		check(err)
		name := os.Getenv("HOTRELOAD_SERVICE")
		for i := range n {
			os.Stdout.WriteString(name + "-")
			os.Stdout.WriteString(strconv.Itoa(i) + "\n")
			os.Stderr.WriteString("E" + name + "-" + strconv.Itoa(i) + "\n")
		}
		os.Stdout.WriteString("last of " + name)
	case "write": // FILE|TEXT
		check(os.WriteFile(args[0], []byte(expand(args[1])+"\n"), 0o644))
	case "append": // FILE|TEXT
		appendTo(args[0], expand(args[1])+"\n")
	case "join": // SOURCE|TARGET
		data, err := os.ReadFile(args[0])
		check(err)
		appendTo(args[1], string(data))
	case "await":
		for {
			if _, err := os.Stat(text); err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	case "contains": // FILE|TEXT|what is printed if it does not
		data, err := os.ReadFile(args[0])
		check(err)
		if !strings.Contains(string(data), args[1]) {
			if len(args) > 2 {
				fmt.Fprintln(os.Stderr, args[2])
			}
			os.Exit(3)
		}
	case "hook": // a line with what a hook is given
		input, err := io.ReadAll(os.Stdin)
		check(err)
		appendTo(text, fmt.Sprintf("%s %s %s %s\n", os.Getenv("HOTRELOAD_EVENT"), os.Getenv("HOTRELOAD_SERVICE"), os.Getenv("HOTRELOAD_GENERATION"), strings.TrimSpace(string(input))))
	case "run":
		os.Exit(run(args[0], args[1:]))
	case "script": // the steps in a file, one a line
		data, err := os.ReadFile(text)
		check(err)
		for line := range strings.Lines(string(data)) {
			step(strings.TrimSuffix(line, "\n"))
		}
	default:
		fmt.Fprintf(os.Stderr, "no such step: %q\n", s)
		os.Exit(2)
	}
}

func expand(text string) string {
	return os.Expand(text, func(name string) string {
		switch name {
		case "*":
			return rest
		case "PID":
			return strconv.Itoa(os.Getpid())
		case "DIR":
			dir, _ := os.Getwd()
			return filepath.Base(dir)
		}
		return os.Getenv(name)
	})
}

func appendTo(path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	check(err)
	_, err = f.WriteString(text)
	check(err)
	check(f.Close())
}

func run(name string, args []string) int {
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		check(err)
	}
	return cmd.ProcessState.ExitCode()
}

func goCommand(dir string) {
	real, err := os.ReadFile(filepath.Join(dir, "real"))
	check(err)
	appendTo(filepath.Join(dir, "log"), strings.Join(os.Args[1:], " ")+"\n")
	os.Exit(run(string(real), os.Args[1:]))
}
