package builder

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/proc"
)

// linkerCommands are the names by which the linkers are installed.
var linkerCommands = map[string][]string{
	"mold": {"mold", "ld.mold"},
	"lld":  {"ld.lld", "ld64.lld", "lld-link"},
}

func findLinker(env []string, dir, name string) string {
	for _, command := range linkerCommands[name] {
		if path, err := proc.LookPath(env, dir, command); err == nil {
			return path
		}
	}
	return ""
}

// chooseLinker returns the linker for external links, empty for the toolchain's own. It
// runs the C compiler, but only where a linker is installed: that is no cost for
// those who have none. The flag is only read by external links, so it may be given
// whether the program uses cgo or not.
func chooseLinker(ctx context.Context, o Options, t toolchain) (string, error) {
	want := autoLinkers
	switch o.Linker {
	case "default":
		return "", nil
	case "mold", "lld":
		want = []string{o.Linker}
	default:
		if !t.cgo || t.cross || strings.Contains(proc.GetEnv(o.Env, "CGO_LDFLAGS"), "-fuse-ld") {
			return "", nil
		}
	}
	for _, name := range want {
		if findLinker(o.Env, o.Dir, name) != "" && compilerAccepts(ctx, o, t.cc, name) {
			return name, nil
		}
	}
	if o.Linker != "auto" {
		return "", advice.With(fmt.Errorf("the C compiler (%s) does not work with the linker %s", strings.Join(t.cc, " "), o.Linker),
			"gcc 12 and later support -fuse-ld=mold; set linker to auto or default, or CC to another compiler")
	}
	return "", nil
}

// compilerAccepts asks the C compiler for the version of the linker that it would run:
// gcc before 12 refuses -fuse-ld=mold, and clang may look elsewhere than on PATH.
func compilerAccepts(ctx context.Context, o Options, cc []string, linker string) bool {
	if len(cc) == 0 {
		return false
	}
	path, err := proc.LookPath(o.Env, o.Dir, cc[0])
	if err != nil {
		return false
	}
	var text bytes.Buffer
	argv := append(append([]string{}, cc...), "-fuse-ld="+linker, "-Wl,--version")
	end := run(ctx, command{path: path, argv: argv, dir: o.Dir, env: o.Env, output: &text, hard: true})
	return end.ok() && strings.Contains(strings.ToLower(text.String()), linker)
}
