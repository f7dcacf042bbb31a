package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/companion"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/internal/proc"
	"github.com/hotreload/hotreload/runner"
)

// Abs is the path below the root.
func (h *Host) abs(path string) string { return abs(h.Root, path) }

func abs(root, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(root, path)
}

// runSpec is how the program is started this time: env files are read again.
func (p *Program) runSpec(l plan.Launch) (s runner.Spec, places []companion.Place, err error) {
	r := p.conf.Load().Run
	dir := p.host.abs(r.Dir)
	if r.Ready.Notify && !unixHandover {
		return s, nil, advice.With(errors.New(`run.ready = "notify" is not possible on Windows: programs have no NOTIFY_SOCKET there`),
			`run.ready = "tcp:ADDRESS", "http://..." or "log:REGEXP"`)
	}
	s = runner.Spec{Dir: dir, Ready: p.readiness(l.Program.Binary)}
	if s.Args, err = p.args(r, l.Program.Binary); err != nil {
		return s, nil, err
	}
	if s.Env, err = p.environment(l.Generation); err != nil {
		return s, nil, err
	}
	if s.Path, err = lookup(s.Args[0], dir, s.Env); err != nil {
		return s, nil, err
	}
	if s.StopSignal, err = r.StopSignal.Number(); err != nil {
		return s, nil, err
	}
	s.StopTimeout = r.StopTimeout
	if p.sockets != nil && len(p.sockets.files) > 0 {
		s.Sockets, s.SocketNames = p.sockets.files, p.sockets.names
		if r.Ready.IsZero() {
			// A connection proves nothing here: the kernel accepts it for a
			// program that is dead.
			s.Ready = runner.Ready{After: minUptime}
		}
	}
	if places, err = p.companions.Places(); err != nil {
		return s, nil, err
	}
	for _, place := range places {
		for _, kv := range place.Env {
			k, val, _ := strings.Cut(kv, "=")
			s.Env = proc.SetEnv(s.Env, k, val)
		}
	}
	if at := companion.Answering(places); at.Addr != "" && r.Ready.IsZero() {
		// Without a setting, a program that is to answer somewhere is ready when it does.
		s.Ready = runner.Ready{TCP: at.Addr, Timeout: r.ReadyTimeout}
	}
	return s, places, nil
}

// args are the arguments of the program, with its own name.
func (p *Program) args(r config.Run, binary string) (all []string, err error) {
	args := r.Args
	if p.host.Args != nil {
		args = p.host.Args
	}
	switch {
	case len(r.Command) > 0:
		for _, arg := range r.Command {
			all = append(all, strings.ReplaceAll(arg, "{binary}", binary))
		}
		return append(all, args...), nil
	case binary != "":
		return append([]string{binary}, args...), nil
	}
	return nil, advice.With(errors.New("there is no program to run"), "set build.output to the file that build.command writes, or set run.command")
}

// lookup finds the program to execute: a name with a slash is relative to the
// directory it will run in, a bare name is looked for on the PATH that it will have.
func lookup(name, dir string, env []string) (string, error) {
	p, err := proc.LookPath(env, dir, name) // on Windows, it may add .exe to a path as well
	switch {
	case err != nil && (filepath.IsAbs(name) || strings.ContainsRune(name, '/') || strings.ContainsRune(name, os.PathSeparator)):
		return abs(dir, name), nil // the start says what is wrong with it
	case errors.Is(err, fs.ErrPermission):
		return "", advice.With(fmt.Errorf("%s may not be executed: %w", name, err), "chmod +x")
	case err != nil:
		return "", advice.With(fmt.Errorf("%s is not on PATH", name), "run.command needs a program on PATH, or a path with a slash relative to run.dir")
	}
	return p, nil
}

// variables is the environment of the program but for what hotreload adds to it
// (docs/environment.md): of env files a later one wins, hotreload's own environment wins over
// them, and run.env wins over both.
func (p *Program) variables() ([]string, error) {
	r := p.conf.Load().Run
	env := proc.CleanEnv(p.host.Env)
	values := map[string]string{}
	for _, f := range r.EnvPaths(p.host.Root) {
		of, err := p.host.EnvFile(f)
		if err != nil {
			return nil, advice.With(fmt.Errorf("%s:%w", rel(p.host.Root, f), err), "fix the file: the program is started when it is saved")
		}
		maps.Copy(values, of)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if _, ok := proc.LookupEnv(env, k); !ok {
			env = append(env, k+"="+values[k])
		}
	}
	return proc.MergeEnv(env, r.Env), nil
}

// environment is what the program is given this time.
func (p *Program) environment(gen int) ([]string, error) {
	env, err := p.variables()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.given = slices.Clone(env)
	p.mu.Unlock()
	if err := os.MkdirAll(p.state, 0o700); err != nil {
		return nil, err
	}
	if forceColor && p.host.Stdout != nil && p.host.Stderr != nil {
		env = withColor(env)
	}
	return append(env, "HOTRELOAD=1", "HOTRELOAD_SERVICE="+p.name,
		fmt.Sprintf("HOTRELOAD_GENERATION=%d", gen), "HOTRELOAD_STATE_DIR="+p.state), nil
}

func rel(root, path string) string {
	r, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return r
}

// stream is where one output of the program goes: to the screen, and to whoever
// records it.
func (s *supervision) stream(name string, tty *os.File) (out runner.Stream, done func()) {
	h, gen, service := s.host, s.l.launch.Generation, s.name
	stderr := name == "stderr"
	lines := &event.Lines{Service: service, Stream: name, Generation: gen, Now: time.Now, Emit: h.Output}
	return runner.Stream{TTY: tty, Write: func(p []byte) {
			h.Logs.write(service, gen, stderr, p)
			if h.WantsOutput() {
				lines.Write(p)
			}
			h.App(service, stderr, p)
		}}, func() {
			lines.Close()
			h.App(service, stderr, nil)
		}
}
