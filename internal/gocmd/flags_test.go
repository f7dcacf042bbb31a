package gocmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestParse holds how flags are taken apart.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // name[=value] of each, "?" before one that is not known; then the rest
		rest string
	}{
		{in: "-race --trimpath -buildvcs=false", want: "race trimpath buildvcs=false"},
		{in: "-tags a,b -o=x ./cmd -v", want: "tags=a,b o=x", rest: "./cmd -v"},
		{in: "-ldflags -s -v", want: "ldflags=-s v"}, // a value may look like a flag
		{in: "-unknown value -other -race", want: "?unknown=value ?other race"},
		{in: "-race x", want: "race", rest: "x"},
		{in: "-debug-trace -x", want: "debug-trace=-x"},
		{in: "-o", want: "o"},
		{in: "- -race", rest: "- -race"},
		{in: "-- -race", rest: "-- -race"},
		{in: "---race", rest: "---race"},
		{in: "-=x", rest: "-=x"},
	} {
		args, rest := Build.Parse(strings.Fields(c.in))
		var got []string
		words := 0
		for _, a := range args {
			text := a.Name
			if a.HasValue {
				text += "=" + a.Value
			}
			if !a.Known {
				text = "?" + text
			}
			got = append(got, text)
			words += len(a.Words)
		}
		if strings.Join(got, " ") != c.want || strings.Join(rest, " ") != c.rest || words+len(rest) != len(strings.Fields(c.in)) {
			t.Errorf("%s: %q, rest %q", c.in, got, rest)
		}
	}
	if args, rest := Build.Parse([]string{"-o"}); len(rest) > 0 || args[0].Complete() {
		t.Error("-o without a value is complete")
	}
	if args, err := ParseGOFLAGS("-race -tags x"); err == nil || len(args) != 2 || args[1].HasValue {
		t.Errorf("GOFLAGS with a word that is no flag: %+v, %v", args, err)
	}
	if args, err := ParseGOFLAGS(`-race '-ldflags=-s -w'`); err != nil || len(args) != 2 || args[1].Value != "-s -w" {
		t.Errorf("GOFLAGS: %+v, %v", args, err)
	}
}

// goroot is that of the go command on PATH.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestFlagsOfGo compares the table with the source of the go command: it knows each flag of go build, and which of them are
// switches. A flag that is here alone must be one of an older Go.
func TestFlagsOfGo(t *testing.T) {
	sources, _ := filepath.Glob(filepath.Join(goroot(t), "src", "cmd", "go", "internal", "*", "*.go"))
	flag := regexp.MustCompile(`flags\.Func\("(C)"|(?:cmd\.Flag|CmdBuild\.Flag|flags)\.(\w+)\((.+?), "([\w-]+)"`)
	found := map[string]bool{} // name -> switch
	for _, file := range sources {
		switch filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file) {
		case "work/build.go", "base/flag.go":
		default:
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flag.FindAllStringSubmatch(string(text), -1) {
			found[m[1]+m[4]] = m[2] == "BoolVar" || strings.Contains(m[3], "buildvcs")
		}
	}
	if len(found) == 0 {
		t.Skip("there is no source of the go command")
	}
	if len(found) < 30 {
		t.Fatalf("only %d flags were found: the test does not understand the source", len(found))
	}
	for name, isSwitch := range found {
		i := slices.IndexFunc(Build, func(f Flag) bool { return f.Name == name })
		switch {
		case name == "coverprofile": // of go test
		case i < 0:
			t.Errorf("-%s is not in the table", name)
		case isSwitch != (Build[i].Traits&Switch != 0):
			t.Errorf("-%s is a switch: %v", name, isSwitch)
		}
	}
	for _, f := range Build {
		if _, ok := found[f.Name]; !ok && f.Name != "i" {
			t.Errorf("go build has no -%s", f.Name)
		}
	}
}

// TestListFields holds that go list knows the fields that are asked for, and that there is a place for each.
func TestListFields(t *testing.T) {
	fields := strings.Join([]string{FieldsPackage, FieldsSources, FieldsEmbedding, FieldsCgo, "Export,CgoPkgConfig,TestGoFiles,XTestGoFiles"}, ",")
	for name := range strings.SplitSeq(fields, ",") {
		if _, ok := reflect.TypeFor[Package]().FieldByName(name); !ok {
			t.Errorf("a package has no field %s", name)
		}
	}
	cmd := exec.Command("go", "list", ListFields(fields), ".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for p, err := range Packages(strings.NewReader(string(out))) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "gocmd" || p.Module == nil || p.Module.Dir == "" || !slices.Contains(p.GoFiles, "list.go") || !slices.Contains(p.TestGoFiles, "flags_test.go") || len(p.Imports) == 0 {
			t.Errorf("%+v", p)
		}
	}
	for _, err := range Packages(strings.NewReader(`{"Name":"a"} nonsense`)) {
		if err != nil {
			return
		}
	}
	t.Error("nonsense was understood")
}
