package gocmd

import (
	"go/build"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// N5 (41): the question for the build context passes through cmd.exe, which splits command lines by other rules and
// knows no line breaks in them, and its answer is that of the go command.
func TestContext(t *testing.T) {
	for _, arg := range ContextArgs() {
		if strings.ContainsAny(arg, " \t\r\n\"'%!^&|<>") {
			t.Errorf("%q does not pass through a batch file", arg)
		}
	}
	for _, c := range []struct {
		flags, tags []string
		env, suffix string
	}{
		{nil, nil, "GOFLAGS=", ""},
		{[]string{"-tags=one,two"}, []string{"one", "two"}, "GOFLAGS=", ""},
		{nil, []string{"three"}, "GOFLAGS=-tags=three", ""},
		{[]string{"-installsuffix=x"}, nil, "CGO_ENABLED=0", "x"},
	} {
		cmd := exec.Command("go", slices.Concat([]string{"list"}, c.flags, ContextArgs())...)
		cmd.Env = append(os.Environ(), c.env)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{"\n", "\r\n"} {
			got, err := ParseContext(strings.TrimSuffix(string(out), "\n") + end)
			if err != nil || got.GOOS != runtime.GOOS || got.GOARCH != runtime.GOARCH || got.Compiler != "gc" || !slices.Equal(got.BuildTags, c.tags) ||
				!slices.Contains(got.ReleaseTags, "go1.25") || got.InstallSuffix != c.suffix || c.suffix != "" && got.CgoEnabled {
				t.Errorf("%s %v: %+v, %v", c.env, c.flags, got, err)
			}
			if !slices.Equal(got.ToolTags, build.Default.ToolTags) && c.suffix == "" {
				t.Errorf("tool tags %q, want %q", got.ToolTags, build.Default.ToolTags)
			}
		}
	}
	for _, text := range []string{"", "\n", "linux,amd64", "linux,amd64,true,gc,[],[],[],,\n"} {
		if got, err := ParseContext(text); err == nil {
			t.Errorf("%q is a context: %+v", text, got)
		}
	}
}
