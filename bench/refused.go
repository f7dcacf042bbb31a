//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// refusedModes are the ways that group "refused" compares. A mode with a proxy or with
// passed-on sockets is one more entry: a tool with another configuration.
func refusedModes(tools []tool) []tool {
	var out []tool
	for _, t := range tools {
		n := t.name()
		if onlyBuilds(n) {
			continue
		}
		out = append(out, t)
		switch n {
		case ours:
			w := t.(watching)
			out = append(out,
				w.with("hotreload, sockets", "run.listen; the program does not drain", "listen = [%q]\n"),
				w.with("hotreload, sockets, start-first", "the same with order = start-first", "listen = [%q]\norder = \"start-first\"\n"),
				w.with("hotreload, proxy", "proxy.listen", "[proxy]\nlisten = %q\n"),
				w.with("hotreload, proxy, start-first", "the same with order = start-first", "order = \"start-first\"\n[proxy]\nlisten = %q\n"))
		case "air":
			out = append(out, airProxy())
		case "templ":
			out = append(out, templProxy(""))
		}
	}
	return out
}

// with is hotreload with more in the table run of its configuration; %q in it is the
// address that the requests go to.
func (w watching) with(label, text, more string) watching {
	files := w.files
	w.label, w.text = label, text
	w.files = func(p project) map[string]string {
		out := map[string]string{".hotreload.toml": "[run]\n"}
		if f := files(p); f != nil {
			out = f // ends in the table run
		}
		out[".hotreload.toml"] += fmt.Sprintf(more, p.addr)
		return out
	}
	return w
}

// airProxy is Air with its own proxy in front of the program.
func airProxy() watching {
	return watching{label: "air, proxy", front: true, text: "its proxy: enabled, proxy_port, app_port; delay = 1",
		files: func(p project) map[string]string {
			_, app, _ := net.SplitHostPort(p.addr)
			_, front, _ := net.SplitHostPort(frontAddr(p))
			return map[string]string{".air.toml": fmt.Sprintf(
				"root = \".\"\ntmp_dir = \"tmp\"\n\n[build]\ncmd = \"true\"\nentrypoint = [%q]\ndelay = 1\n\n[proxy]\nenabled = true\nproxy_port = %s\napp_port = %s\n", p.server, front, app)}
		},
		argv: func(project) []string { return []string{"air", "-c", ".air.toml"} },
	}
}

// templProxy is templ with its proxy in front of the program. It also restarts the program for files
// that match the pattern; empty: for what it watches anyway.
func templProxy(pattern string) watching {
	w := watching{label: "templ, proxy", front: true, text: "the same with --proxy"}
	if pattern != "" {
		w.text += " and --watch-pattern=" + pattern
	}
	w.argv = func(p project) []string {
		host, port, _ := net.SplitHostPort(frontAddr(p))
		more := []string{"--proxy=http://" + p.addr, "--proxybind=" + host, "--proxyport=" + port, "--open-browser=false"}
		if pattern != "" {
			more = append(more, "--watch-pattern="+pattern)
		}
		return templWatch(p, more...)
	}
	return w
}

// frontAddr is the address of a peer's own proxy, a fixed distance from that of the program.
func frontAddr(p project) string {
	host, port, _ := net.SplitHostPort(p.addr)
	n, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(n+1500))
}

// entry is where requests to the program go: to the proxy that the tool puts in front, if it has one
// at another address.
func (r *runner) entry() string {
	if w, ok := r.tool.(watching); ok && w.front {
		return frontAddr(r.project)
	}
	return r.project.addr
}

// refused puts every mode under the same open load (a request per tick, whether or not
// the earlier ones are answered) and restarts the program under it.
func refused(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	p := programs[0]
	dir, err := b.ready(ctx, p)
	if err != nil {
		return nil, err
	}
	t := &table{Title: "F3 requests without an answer per restart", Head: []string{"tool", "restarts", "requests", "failed", "failed per restart", "slowest answer ms"},
		Notes: []string{fmt.Sprintf("Build command `true`; a new connection every %s during each restart and for 200 ms after it. Failed: refused, reset or cut off.", loadEvery)}}
	for _, one := range refusedModes(tools) {
		f, err := b.open(ctx, p, dir, "refused", []tool{one}, true, o)
		if err != nil {
			f.close()
			return nil, err
		}
		r := f.runners[0]
		restarts, total := 0, loadResult{}
		for i := 0; i < o.n && r.dropped == ""; i++ {
			r.age()
			l := startLoad(ctx, r.entry())
			got, _, err := f.edit(ctx, r, inMain)
			if err == nil {
				time.Sleep(200 * time.Millisecond) // the load goes on behind the restart
			}
			one := l.stop()
			if ctx.Err() != nil {
				f.close()
				return nil, ctx.Err()
			}
			if err != nil {
				f.drop(r, err)
				break
			}
			restarts++
			total.add(one)
			progress("  restart %d/%d  %-28s %6s ms, %d of %d requests failed", i+1, o.n, r.tool.name(), ms(got.Latency), one.failed, one.sent)
			settle(f.pause, settleLimit)
		}
		f.close()
		if restarts == 0 {
			t.row(r.tool.name(), "left out: "+r.dropped, "", "", "", "")
			continue
		}
		t.row(r.tool.name(), strconv.Itoa(restarts), strconv.Itoa(total.sent), strconv.Itoa(total.failed),
			decimal(float64(total.failed)/float64(restarts)), ms(total.slowest))
	}
	return []*table{t}, nil
}

// loadEvery is the distance of two requests of the load.
const loadEvery = 2 * time.Millisecond

type loadResult struct {
	sent, failed int
	slowest      time.Duration
}

func (a *loadResult) add(b loadResult) {
	a.sent += b.sent
	a.failed += b.failed
	a.slowest = max(a.slowest, b.slowest)
}

// generator sends requests until it is stopped.
type generator struct {
	quit chan struct{}
	done chan loadResult
}

func startLoad(ctx context.Context, addr string) *generator {
	l := &generator{quit: make(chan struct{}), done: make(chan loadResult, 1)}
	go func() {
		var (
			res loadResult
			mu  sync.Mutex
			wg  sync.WaitGroup
		)
		tick := time.NewTicker(loadEvery)
		defer tick.Stop()
		for {
			select {
			case <-l.quit:
				wg.Wait()
				l.done <- res
				return
			case <-tick.C:
			}
			res.sent++
			wg.Go(func() {
				at := time.Now()
				_, err := ask(ctx, addr)
				took := time.Since(at)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					res.failed++
				} else {
					res.slowest = max(res.slowest, took)
				}
			})
		}
	}()
	return l
}

// stop waits for the answers that are still due.
func (l *generator) stop() loadResult {
	close(l.quit)
	return <-l.done
}
