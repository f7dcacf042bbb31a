package builder

import (
	"bytes"
	"context"
	"os"
	"time"

	"github.com/hotreload/hotreload/internal/gocmd"
	"github.com/hotreload/hotreload/internal/proc"
)

// toolchain is what `go env` says. It is asked once, not before each build (3.5 ms), and
// again when the file that `go env -w` writes has changed, or after it did not answer.
type toolchain struct {
	known   bool
	version string // "go1.26.1"
	goflags string
	cc      []string
	cgo     bool
	cross   bool // builds for another system than this one
	goCache string
	envFile string
	stamp   stamp
}

// stamp shows whether a file has changed.
type stamp struct {
	size int64
	time time.Time
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{st.Size(), st.ModTime()}
}

// refreshTools makes sure that b.tools and b.flags are up to date.
func (b *Builder) refreshTools(ctx context.Context) error {
	b.mu.Lock()
	t := b.tools
	b.mu.Unlock()
	if t.known && stampOf(t.envFile) == t.stamp {
		return nil
	}
	t = probe(ctx, b.o)
	linker := ""
	if t.known {
		var err error
		if linker, err = chooseLinker(ctx, b.o, t); err != nil {
			return err
		}
	}
	flags, err := chooseFlags(b.o, t, linker)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tools, b.flags = t, flags
	return nil
}

// probe asks the go command. Where that fails, as in a module that requires a newer
// toolchain than there is, the build goes on without -json and reports the reason.
func probe(ctx context.Context, o Options) toolchain {
	unknown := toolchain{version: "go1.20", goflags: proc.GetEnv(o.Env, "GOFLAGS")}
	path, err := proc.LookPath(o.Env, o.Dir, o.Go)
	if err != nil {
		return unknown
	}
	args := gocmd.EnvArgs("GOVERSION", "GOFLAGS", "GOENV", "GOCACHE", "CC", "CGO_ENABLED", "GOOS", "GOARCH", "GOHOSTOS", "GOHOSTARCH")
	var text bytes.Buffer
	end := run(ctx, command{
		path: path, argv: append([]string{o.Go}, args...), dir: o.Dir,
		env: proc.SetEnv(o.Env, "PWD", o.Dir), output: &text, stderr: discard{}, hard: true,
	})
	v, err := gocmd.ParseEnv(text.Bytes())
	if !end.ok() || err != nil || v["GOVERSION"] == "" {
		return unknown
	}
	cc, _ := gocmd.Split(v["CC"])
	return toolchain{
		known:   true,
		version: v.Version(),
		goflags: v["GOFLAGS"],
		cc:      cc,
		cgo:     v["CGO_ENABLED"] == "1",
		cross:   v["GOOS"] != v["GOHOSTOS"] || v["GOARCH"] != v["GOHOSTARCH"],
		goCache: v["GOCACHE"],
		envFile: v["GOENV"],
		stamp:   stampOf(v["GOENV"]),
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
