//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// loadTurns are the turns of each row of group proxy under load, of loadTurn each.
const (
	loadTurns = 4
	loadTurn  = time.Second
)

// throughProxy puts a closed load on a server directly and through proxies in front of
// it: every client sends its next request when it has the answer to the last one.
func throughProxy(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	p := programs[0]
	dir, err := b.ready(ctx, p)
	if err != nil {
		return nil, err
	}
	type way struct {
		name string
		addr string
		r    *runner
	}
	var used []tool
	for _, one := range refusedModes(tools) {
		switch one.name() {
		case ours, "hotreload, proxy", "air, proxy", "templ, proxy":
			used = append(used, one)
		}
	}
	f, err := b.open(ctx, p, dir, "proxy", used, true, o)
	defer f.close()
	if err != nil {
		return nil, err
	}
	var ways []way
	for _, r := range f.runners {
		switch name := r.tool.name(); {
		case r.dropped != "":
		case name == ours:
			ways = append(ways, way{"direct connection", r.project.addr, r})
		default:
			ways = append(ways, way{name, r.entry(), r})
		}
	}
	turn := loadTurn
	if o.short {
		turn = loadTurn / 10
	}
	t := &table{Title: "Proxy: requests on kept-alive connections, closed load", Head: []string{"way", "clients", "requests/s", "median ms", "added ms", "99 % ms", "failed", "requests/s of direct"},
		Notes: []string{fmt.Sprintf("%d turns of %s each, the ways taking turns; client, proxy and program share the processors. Added: to the median of a direct connection.", loadTurns, turn)}}
	for _, clients := range []int{1, 32} {
		sums := make([]closedLoad, len(ways))
		for range loadTurns {
			for i, w := range ways {
				one, err := closed(ctx, w.addr, clients, turn)
				if err != nil {
					return nil, err
				}
				sums[i].add(one)
			}
		}
		for i, w := range ways {
			s := sums[i]
			slices.Sort(s.took)
			rate := float64(len(s.took)) / s.time.Seconds()
			of, added := "", ""
			if base := sums[0]; len(base.took) > 0 {
				if i > 0 {
					added = decimal(float64((s.took.median() - base.took.median()).Microseconds()) / 1000)
				}
				of = decimal(rate / (float64(len(base.took)) / base.time.Seconds()))
			}
			t.row(w.name, strconv.Itoa(clients), strconv.Itoa(int(rate)), decimal(float64(s.took.median().Microseconds())/1000), added,
				decimal(float64(s.took.at(0.99).Microseconds())/1000), strconv.FormatInt(s.failed, 10), of)
			progress("  %-20s %2d clients: %.0f requests/s", w.name, clients, rate)
		}
	}
	return []*table{t}, nil
}

// at is the quantile q of a sorted sample.
func (s sample) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

type closedLoad struct {
	took   sample
	failed int64
	time   time.Duration
}

func (a *closedLoad) add(b closedLoad) {
	a.took = append(a.took, b.took...)
	a.failed += b.failed
	a.time += b.time
}

func closed(ctx context.Context, addr string, clients int, d time.Duration) (closedLoad, error) {
	tr := &http.Transport{MaxIdleConnsPerHost: clients}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: requestTimeout}
	var failed atomic.Int64
	all := make([]sample, clients)
	begin := time.Now()
	end := begin.Add(d)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				at := time.Now()
				resp, err := client.Get("http://" + addr + "/")
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if err != nil {
					failed.Add(1)
					continue
				}
				all[i] = append(all[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	return closedLoad{slices.Concat(all...), failed.Load(), time.Since(begin)}, ctx.Err()
}
