package ui

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/testkit"
)

// several is a screen of two services.
func several(out, err *bytes.Buffer, terminal, color bool) (*Screen, *Palette) {
	s := NewScreen(out, err, terminal, nil)
	p := new(Palette)
	p.Set([]string{"api", "worker"})
	s.Services(p, color, color)
	return s, p
}

// eventually waits for the timer of an unfinished line.
func eventually(t *testing.T, s *Screen, buf *bytes.Buffer, want string) {
	t.Helper()
	testkit.Until(t, fmt.Sprintf("the output is %q", want), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return buf.String() == want
	})
}

// S4: a name in front of every line, whatever pieces it comes in.
func TestPrefix(t *testing.T) {
	var out, err bytes.Buffer
	s, _ := several(&out, &err, false, false)
	s.App("api", false, []byte("one\ntw"))
	s.App("worker", false, []byte("\n"))
	s.App("worker", true, []byte("oops\n"))
	s.App("api", false, []byte("o\nth"))
	s.App("api", false, []byte("ree\n\x00\xff\r\n"))
	want := "api    | one\nworker | \napi    | two\napi    | three\napi    | \x00\xff\r\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("stdout:\n%s", diff)
	}
	if diff := cmp.Diff("worker | oops\n", err.String()); diff != "" {
		t.Errorf("stderr:\n%s", diff)
	}
}

// S4: a program that writes over its line, as spinners and progress bars do, writes over the name, too.
func TestPrefixOverwritten(t *testing.T) {
	const name = "api    | "
	for in, want := range map[string]string{
		"50%\r100%\n":                          name + "50%\r" + name + "100%\n",
		"dos\r\n":                              name + "dos\r\n",
		"\x1b[1G\x1b[0K|\x1b[1G\x1b[0Kready\n": name + "\x1b[1G\x1b[0K" + name + "|\x1b[1G\x1b[0K" + name + "ready\n",
		"transforming\x1b[2K\x1b[G4 modules\n": name + "transforming\x1b[2K\x1b[G" + name + "4 modules\n",
		"wait\r\x1b[K\n":                       name + "wait\r\x1b[K\n",
		"\x1b[32mgreen\x1b[0m\x1b[12Gcolumn\n": name + "\x1b[32mgreen\x1b[0m\x1b[12Gcolumn\n",
		"a\r\r\rb\n":                           name + "a\r\r\r" + name + "b\n",
		"end\r":                                name + "end\r\n" + name + "next\n",
		"a\rb\r":                               name + "a\r" + name + "b\r\n" + name + "next\n",
	} {
		for step := 1; step <= 2; step++ { // as a whole, and in two writes of which the first is shown
			var tty bytes.Buffer
			s, _ := several(&tty, &tty, true, false)
			s.Plain()
			half := len(in)
			if step == 2 {
				half = max(bytes.LastIndexByte([]byte(in), '\r'), bytes.LastIndexByte([]byte(in), 'K')) + 1
			}
			s.App("api", false, []byte(in[:half]))
			s.mu.Lock()
			for _, st := range s.streams {
				s.show(st)
			}
			s.mu.Unlock()
			s.App("api", false, []byte(in[half:]))
			if in[len(in)-1] != '\n' {
				s.App("api", false, nil)
				s.App("api", false, []byte("next\n"))
			}
			if diff := cmp.Diff(want, tty.String()); diff != "" {
				t.Errorf("%q in %d:\n%s", in, step, diff)
			}
		}
	}
}

// S4: an unfinished line is shown after a while; it goes on where it is, or is broken
// off when another stream writes, and then goes on with its name.
func TestPrefixUnfinished(t *testing.T) {
	var tty bytes.Buffer
	s, _ := several(&tty, &tty, true, false)
	s.Plain()
	s.App("api", false, []byte("prompt> "))
	eventually(t, s, &tty, "api    | prompt> ")
	s.App("api", false, []byte("yes"))
	s.App("worker", false, []byte("work\n"))
	s.App("api", false, []byte("!\n"))
	s.App("api", false, []byte("again> "))
	want := "api    | prompt> yes\nworker | work\napi    | !\n"
	eventually(t, s, &tty, want+"api    | again> ")
	s.Own("own\n")
	s.App("api", false, []byte("rest\nwhole\n"))
	want += "api    | again> \nown\napi    | rest\napi    | whole\n"
	// This holds for another stream of the same service, too.
	s.App("api", false, []byte("out"))
	eventually(t, s, &tty, want+"api    | out")
	s.App("api", true, []byte("err\n"))
	want += "api    | out\napi    | err\n"
	// The process ends in the middle of a line: what the next one writes is not its rest.
	s.App("api", false, []byte("cut"))
	s.App("api", false, nil)
	s.App("api", false, []byte("new\n"))
	want += "api    | cut\napi    | new\n"
	if diff := cmp.Diff(want, tty.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// S4, R10: a line without an end takes bounded memory, and all of it is shown.
func TestPrefixHugeLine(t *testing.T) {
	var out, err bytes.Buffer
	s, _ := several(&out, &err, false, false)
	chunk := bytes.Repeat([]byte("x"), 10_000)
	for range 1000 {
		s.App("api", false, chunk)
		s.mu.Lock()
		if n := len(s.streams[source{"api", false}].held); n > maxPartial {
			t.Fatalf("%d bytes are held back", n)
		}
		s.mu.Unlock()
	}
	s.App("api", false, []byte("\n"))
	if want := "api    | " + strings.Repeat("x", 10_000_000) + "\n"; out.String() != want {
		t.Errorf("%d bytes, want %d", out.Len(), len(want))
	}
}

// S4: lines of programs that write at the same time are never mixed.
func TestPrefixNotMixed(t *testing.T) {
	var out, err bytes.Buffer
	s, _ := several(&out, &err, false, false)
	var work sync.WaitGroup
	for _, n := range []string{"api", "worker"} {
		work.Go(func() {
			for i := range 2000 {
				line := fmt.Sprintf("%s %d\n", n, i)
				s.App(n, false, []byte(line[:i%len(line)]))
				s.App(n, false, []byte(line[i%len(line):]))
			}
		})
	}
	work.Wait()
	next := map[string]int{}
	for line := range strings.Lines(out.String()) {
		var name, same string
		var i int
		if _, err := fmt.Sscanf(line, "%s | %s %d\n", &name, &same, &i); err != nil || name != same || i != next[name] {
			t.Fatalf("%q, want number %d: %v", line, next[name], err)
		}
		next[name]++
	}
}

// S4: the colour of a service is the same in hotreload's own lines, neighbours have
// different ones, and it stays when services come and go.
func TestPalette(t *testing.T) {
	var out, err bytes.Buffer
	s, p := several(&out, &err, false, true)
	text := NewText(s, TextOptions{Color: true, Services: p})
	s.App("worker", false, []byte("x\n"))
	color := string(p.tag("worker", true))
	if out.String() != color+"x\n" || !strings.HasPrefix(color, "\x1b[0m\x1b[") || color == strings.Replace(string(p.tag("api", true)), "api   ", "worker", 1) {
		t.Errorf("%q", out.String())
	}
	own := string(text.Render(event.Event{Time: at, Service: "worker", Body: event.Problem{Message: "x"}}))
	if !strings.HasPrefix(own, strings.TrimPrefix(strings.TrimSuffix(color, " | "), "\x1b[0m")) {
		t.Errorf("own line %q, want the colour of %q", own, color)
	}
	p.Set([]string{"worker", "api", "new"})
	if again := string(p.tag("worker", true)); again != color {
		t.Errorf("%q, was %q", again, color)
	}
}

// S4: with one service the bytes are unchanged, also when others have come and gone.
func TestPrefixOnlyForSeveral(t *testing.T) {
	var out, err bytes.Buffer
	s := NewScreen(&out, &err, false, nil)
	p := new(Palette)
	p.Set([]string{"api"})
	s.Services(p, false, false)
	s.App("api", false, []byte("a"))
	s.App("api", false, []byte("b\n"))
	s.App("api", false, nil)
	p.Set([]string{"api", "worker"})
	s.Services(p, false, false)
	s.App("api", false, []byte("c\nd"))
	p.Set([]string{"api"})
	s.Services(p, false, false)
	s.App("api", false, []byte("e"))
	if want := "ab\napi    | c\napi    | de"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
