//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// idle measures what every tool costs while nothing happens.
func idle(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	if _, err := processStat(os.Getpid()); err != nil {
		return nil, err
	}
	dirs, perDir := 500, 20
	if o.short {
		dirs = 100
	}
	tree := filepath.Join(b.cache, "programs", fmt.Sprintf("idle-%d", dirs))
	if err := generateIdle(tree, dirs, perDir); err != nil {
		return nil, err
	}
	var watchers []tool
	for _, w := range defaults(tools) {
		watchers = append(watchers, w)
	}
	f, err := b.open(ctx, programs[0], tree, "idle", watchers, false, o)
	defer f.close()
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("F4 idle for %s on %s files in %d directories", o.idle, thousands(dirs*perDir), dirs)
	t := &table{Title: title, Head: []string{"tool", "processes", "CPU ms", "CPU %", "memory MiB", "of that, own MiB", "helpers MiB", "watches"},
		Notes: []string{
			"After one edit and one rebuild. The program that is run is not counted. Memory: resident set of the tool; own: without pages of files (the executable itself); helpers: resident sets of its other processes.",
			"All tools rest at the same time.",
		}}
	for _, r := range f.runners {
		if r.dropped != "" {
			continue
		}
		if _, _, err := f.edit(ctx, r, inMain); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			f.drop(r, err)
		}
	}
	settle(f.pause, settleLimit)
	progress("  all at rest for %s", o.idle)
	before := map[*runner]time.Duration{}
	for _, r := range f.runners {
		if r.dropped == "" {
			before[r] = usedBy(r)
		}
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(o.idle):
	}
	for _, r := range f.runners {
		if r.dropped != "" {
			t.row(r.tool.name(), "left out: "+r.dropped, "", "", "", "", "", "")
			continue
		}
		if err := atRest(t, r, usedBy(r)-before[r], o.idle); err != nil {
			return nil, err
		}
	}
	return []*table{t}, nil
}

// atRest writes the row of a tool that used so much processor time in that long.
func atRest(t *table, r *runner, used, span time.Duration) error {
	pid := r.session.pid()
	rss, own, err := memory(pid)
	if err != nil {
		return err
	}
	helpers := int64(0)
	procs := toolProcesses(r)
	for _, h := range procs {
		if h == pid {
			continue
		}
		if m, _, err := memory(h); err == nil {
			helpers += m
		}
	}
	w, err := watches(pid)
	if err != nil {
		return err
	}
	t.row(r.tool.name(), strconv.Itoa(len(procs)), ms(used), strconv.FormatFloat(100*float64(used)/float64(span), 'f', 3, 64),
		mib(rss), mib(own), mib(helpers), strconv.Itoa(w))
	return nil
}

// toolProcesses are the tool and what it started, without the program that answers.
func toolProcesses(r *runner) []int {
	out := []int{r.session.pid()}
	for _, p := range descendants(r.session.pid()) {
		if p.pid != r.answer.Pid {
			out = append(out, p.pid)
		}
	}
	return out
}

func usedBy(r *runner) (sum time.Duration) {
	for _, pid := range toolProcesses(r) {
		if d, err := preciseCPU(pid); err == nil { // an error: it ended meanwhile
			sum += d
		}
	}
	return sum
}

func mib(n int64) string { return decimal(float64(n) / (1 << 20)) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// generateIdle writes a project: main imports every fifth of dirs packages; each
// directory holds four Go files and perDir-4 others.
func generateIdle(root string, dirs, perDir int) error {
	const goFiles = 4
	return once(root, func(root string) error {
		var imports strings.Builder
		for i := range dirs {
			rel := fmt.Sprintf("area%02d/part%03d", i%20, i)
			dir := filepath.Join(root, rel)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			for j := range perDir {
				name, text := fmt.Sprintf("data%02d.json", j), "{}\n"
				if j < goFiles {
					name, text = fmt.Sprintf("file%d.go", j), fmt.Sprintf("package part%03d\n\nfunc f%d() int { return %d }\n\nvar V%d = f%d()\n", i, j, j, j, j)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					return err
				}
			}
			if i%5 == 0 {
				fmt.Fprintf(&imports, "\t_ \"bench.example/idle/%s\"\n", rel)
			}
		}
		return writeServed(root, "idle", imports.String())
	})
}

// generateSprawl writes a project of which most directories cannot matter: node_modules,
// and output that .gitignore names.
func generateSprawl(root string, all, matter int) error {
	return once(root, func(root string) error {
		for i := range matter {
			dir := filepath.Join(root, fmt.Sprintf("area%02d/part%03d", i%20, i))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			text := fmt.Sprintf("package part%03d\n\nconst N = %d\n", i, i)
			if err := os.WriteFile(filepath.Join(dir, "part.go"), []byte(text), 0o644); err != nil {
				return err
			}
		}
		for i := range all - matter {
			dir := fmt.Sprintf("web/node_modules/lib%03d/dist/%02d", i/40, i%40)
			if i%5 == 0 {
				dir = fmt.Sprintf("out/run%03d/%02d", i/200, i%200)
			}
			dir = filepath.Join(root, dir)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, "index.js"), nil, 0o644); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(root, ".gitignore"), []byte("/out/\nnode_modules/\n"), 0o644); err != nil {
			return err
		}
		return writeServed(root, "sprawl", "")
	})
}

// writeServed writes main.go and go.mod of a generated project: the small program with more imports.
func writeServed(root, name, imports string) error {
	text, err := sources.ReadFile(programs[0].main)
	if err != nil {
		return err
	}
	if imports != "" {
		// In a separate file: every edit writes main.go again.
		if err := os.WriteFile(filepath.Join(root, "imports.go"), []byte("package main\n\nimport (\n"+imports+")\n"), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "main.go"), text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "go.mod"), []byte("module bench.example/"+name+"\n\ngo 1.25\n"), 0o644)
}

// once generates a directory unless it is there already, complete.
func once(dir string, generate func(string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return err
	}
	if err := generate(part); err != nil {
		return err
	}
	return os.Rename(part, dir)
}
