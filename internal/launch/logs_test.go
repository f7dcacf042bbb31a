package launch

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hotreload/hotreload/internal/testkit"
)

func texts(list []Written) string {
	var b strings.Builder
	for _, w := range list {
		b.Write(w.Text)
	}
	return b.String()
}

// What is kept is the end of what was written, whatever its pieces, and its size is bounded;
// a reader gets each byte once, or learns how many it has missed.
func TestServiceLog(t *testing.T) {
	for _, most := range []int{1, 40, 5000, 32 << 10} {
		s := &serviceLog{}
		r := rand.New(rand.NewPCG(uint64(most), 1))
		var all bytes.Buffer
		var seen, missed int64
		for i := 0; all.Len() < 5*logBytes && i < 100_000; i++ {
			p := make([]byte, 1+r.IntN(most))
			for j := range p {
				p[j] = byte('a' + (all.Len()+j)%26)
				if r.IntN(60) == 0 {
					p[j] = '\n'
				}
			}
			all.Write(p)
			s.write(i/50, r.IntN(2) == 0, p)
			if r.IntN(200) != 0 {
				continue
			}
			for _, w := range s.since("api", seen) {
				seen += w.Lost
				missed += w.Lost
				if want := all.Bytes()[seen : seen+int64(len(w.Text))]; !bytes.Equal(w.Text, want) {
					t.Fatalf("%d: got %q, want %q", most, w.Text, want)
				}
				seen += int64(len(w.Text))
			}
			if seen != int64(all.Len()) {
				t.Fatalf("%d: %d of %d bytes", most, seen, all.Len())
			}
		}
		kept := texts(s.since("api", 0))
		if !strings.HasSuffix(all.String(), kept) {
			t.Errorf("%d: it is not the end that is kept", most)
		}
		if n := len(s.older.pieces) + len(s.newer.pieces); n > 2*logWrites || len(kept) > 2*logBytes {
			t.Errorf("%d: %d pieces, %d bytes", most, n, len(kept))
		}
		if len(kept) < min(all.Len(), logBytes) && len(s.older.pieces) < logWrites {
			t.Errorf("%d: only %d bytes and %d pieces are kept", most, len(kept), len(s.older.pieces))
		}
		if most == 32<<10 && missed == 0 {
			t.Errorf("%d: nothing was missed, so that was not tried", most)
		}
	}
}

func TestLastLines(t *testing.T) {
	for _, pieces := range [][]string{{"a\nb\nc\n"}, {"a\n", "b\n", "c\n"}, {"a", "\nb", "\nc\n"}, {"a\nb\nc"}, {"a\n", "b", "\nc"}, {"a\nb\n", "c"}} {
		for n, want := range []string{"", "c", "b\nc", "a\nb\nc", "a\nb\nc"} {
			var list []Written
			for _, p := range pieces {
				list = append(list, Written{Text: []byte(p)})
			}
			if got := strings.TrimSuffix(texts(lastLines(list, n)), "\n"); got != want {
				t.Errorf("the last %d of %q: %q", n, pieces, got)
			}
		}
	}
	if got := lastLines(nil, 3); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// A write of nothing is no piece: the next one would be joined to it.
func TestEmptyWrite(t *testing.T) {
	var l Logs
	l.write("api", 1, false, nil)
	l.write("api", 1, false, []byte("x"))
	if got := texts(l.all["api"].since("api", 0)); got != "x" {
		t.Errorf("%q", got)
	}
}

// U2: what is kept of a gigabyte of output is bounded, also while readers follow of which one has stopped
// reading. The last line reaches the one that reads.
func TestLogsGigabyte(t *testing.T) {
	size := testkit.Size(1<<30, 64<<20)
	var l Logs
	over, ended := make(chan struct{}), make(chan struct{}, 2)
	stuck, seen, first := make(chan struct{}), make(chan struct{}), make(chan struct{}, 2)
	follow := func(take func([]Written) error) {
		once := sync.OnceFunc(func() { first <- struct{}{} })
		err := l.Read(context.Background(), over, "", 0, true, func(list []Written) error { once(); return take(list) })
		if err != nil {
			t.Error(err)
		}
		ended <- struct{}{}
	}
	go follow(func(list []Written) error {
		if len(list) > 0 {
			<-stuck
		}
		return nil
	})
	go follow(func(list []Written) error {
		if n := len(list); n > 0 && string(list[n-1].Text) == "last\n" {
			close(seen)
		}
		return nil
	})
	<-first
	<-first
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	line := bytes.Repeat([]byte("0123456789abcde\n"), 256)
	for range size / len(line) {
		l.write("web", 1, false, line)
	}
	l.write("web", 1, false, []byte("last\n"))
	testkit.Receive(t, "the last line", seen)
	if got := heap() - before; got > 16*logBytes {
		t.Errorf("%d MB of memory", got>>20)
	}
	close(stuck)
	close(over)
	<-ended
	<-ended
}
