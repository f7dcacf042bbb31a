package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write .hotreload.toml.example and docs/configuration.md")

const exampleFile = "../../.hotreload.toml.example"

// exampleText is .hotreload.toml.example: every table and key explained. Settings are
// commented out ("#debounce = ...", without a space) at their defaults, so that a copy
// behaves as no file at all and goes on following the defaults of later versions.
func exampleText() []byte {
	var b bytes.Buffer
	b.WriteString(`# Every key of .hotreload.toml with its default.
#
# You need none of this: ` + "`hotreload run`" + ` works without a file, and ` + "`hotreload init`" + `
# writes a short one that fits the project. To change a setting, remove the # in front
# of it. Durations are text with a unit ("50ms", "2s"). A command is a list of arguments
# (no shell) or one string for the shell. ` + "`hotreload check`" + ` validates the file and prints
# what differs from the defaults.
`)
	for _, t := range tables {
		b.WriteByte('\n')
		comment(&b, t.Doc)
		mark := ""
		switch t.Name {
		case "rules":
			fmt.Fprintf(&b, "#[[rules]]\n")
			mark = "#"
		case "services.NAME":
			b.WriteString(exampleServices)
			continue
		default:
			fmt.Fprintf(&b, "[%s]\n", t.Name)
		}
		for i, s := range specs {
			key, ok := strings.CutPrefix(s.Name, t.Name+".")
			if !ok {
				continue
			}
			if i > 0 && strings.HasPrefix(specs[i-1].Name, t.Name+".") {
				b.WriteByte('\n')
			}
			comment(&b, s.Doc)
			if len(s.Values) > 0 {
				comment(&b, "One of "+quoteList(s.Values)+".")
			}
			value := defaultText(s.Name)
			switch {
			case value == "":
				value = s.Example
			case value == "[]" || value == "{}" || value == `""`:
				comment(&b, "Example: "+key+" = "+s.Example)
			}
			if mark == "#" && key == "signal" { // has no meaning beside the example's effect
				comment(&b, "Example: effect = \"signal\", signal = "+value)
				continue
			}
			fmt.Fprintf(&b, "#%s = %s\n", key, value)
		}
	}
	return b.Bytes()
}

const exampleServices = `#[services.api]
#build.package = "./cmd/api"
#run.args = ["--port", "8081"]
#
# Services that must be ready before this one starts. They are stopped after it.
#needs = ["db"]
#
# Not a Go program: the command does not contain {binary}, so nothing is built.
#[services.db]
#run.command = ["postgres", "-D", "data"]
#run.ready = "tcp:127.0.0.1:5432"
`

// comment writes text as comment lines of at most 90 columns.
func comment(b *bytes.Buffer, text string) {
	line := "#"
	for _, word := range unbroken.FindAllString(text, -1) {
		if len(line)+1+len(word) > 90 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// uncomment makes settings of "#key = value"; prose has a space after the #.
func uncomment(example []byte) string {
	return regexp.MustCompile(`(?m)^#([^ #\n])`).ReplaceAllString(string(example), "$1")
}

// C8: the example file is what the code says, loads as it is to the defaults, and with
// every setting uncommented too.
func TestExample(t *testing.T) {
	if *update {
		if err := os.WriteFile(exampleFile, exampleText(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	onDisk, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(onDisk, exampleText()) {
		t.Errorf("%s is out of date: make example\n%s", exampleFile, cmp.Diff(string(exampleText()), string(onDisk)))
	}
	if diff := cmp.Diff(Default(), mustParse(t, string(onDisk)), sameConfig); diff != "" {
		t.Errorf("as it is (-default +example):\n%s", diff)
	}
	text := uncomment(onDisk)
	c := mustParse(t, text)
	if len(c.Services) != 2 || c.Services[0].Builds() != true || c.Services[1].Builds() != false {
		t.Errorf("services: %+v", c.Services)
	}
	want := Default()
	want.Rules = []Rule{{Paths: []string{"templates/**/*.html"}, Effect: "restart", Signal: "SIGHUP"}}
	if diff := cmp.Diff(want, c, sameConfig, cmpopts.IgnoreFields(Config{}, "Services")); diff != "" {
		t.Errorf("uncommented (-default +example):\n%s", diff)
	}
	for _, k := range Keys() {
		_, key, _ := strings.Cut(strings.TrimPrefix(k.Name, "services.NAME"), ".")
		if !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(key)+` = `).MatchString(text) && !strings.Contains(text, ", "+key+" = ") {
			t.Errorf("%s is missing", k.Name)
		}
	}
	for i, line := range strings.Split(string(onDisk), "\n") {
		if len(line) > 100 {
			t.Errorf("line %d is %d long: %s", i+1, len(line), line)
		}
	}
}
