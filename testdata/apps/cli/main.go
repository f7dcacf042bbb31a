// Command cli prints what it was started with, as one line of JSON, and ends with the exit code that -exit asks for.
//
// The arguments are written byte for byte: a byte that is not valid UTF-8 becomes \u00XX in "args" and is exact in
// "args_hex".
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

type report struct {
	Args    []string           `json:"args"`     // without the program's name
	ArgsHex []string           `json:"args_hex"` // the same bytes
	Env     map[string]*string `json:"env"`      // the variables named in $PRINT_ENV (separated by commas); null: unset
	Dir     string             `json:"dir"`
	Pid     int                `json:"pid"`
}

func main() {
	r := report{Args: []string{}, ArgsHex: []string{}, Env: map[string]*string{}, Pid: os.Getpid()}
	code := 0
	// No package flag: it would stop at "--" and refuse what it does not know, and all arguments are to be shown.
	for i, a := range os.Args[1:] {
		r.Args = append(r.Args, readable(a))
		r.ArgsHex = append(r.ArgsHex, hex.EncodeToString([]byte(a)))
		value, ok := strings.CutPrefix(a, "-exit=")
		if !ok && a == "-exit" && i+2 < len(os.Args) {
			value, ok = os.Args[i+2], true
		}
		if ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				fmt.Fprintln(os.Stderr, "cli:", err)
				os.Exit(2)
			}
			code = n
		}
	}
	for _, k := range strings.Split(os.Getenv("PRINT_ENV"), ",") {
		if k = strings.TrimSpace(k); k == "" {
			continue
		}
		r.Env[k] = nil
		if v, ok := os.LookupEnv(k); ok {
			r.Env[k] = &v
		}
	}
	r.Dir, _ = os.Getwd()
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, "cli:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// readable keeps JSON from replacing every invalid byte by the same mark.
func readable(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
