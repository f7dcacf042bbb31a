package ui

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/event"
)

// The problem matcher in the docs understands what is printed.
func TestProblemMatcher(t *testing.T) {
	page, err := os.ReadFile("../../docs/editors-and-scripts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tasks, _ := strings.Cut(string(page), "\n```json\n")
	tasks, _, _ = strings.Cut(tasks, "\n```\n")
	var file struct {
		Tasks []struct {
			Command        string
			ProblemMatcher struct {
				Pattern struct {
					Regexp                      string
					File, Line, Column, Message int
				}
				Background struct{ BeginsPattern, EndsPattern string }
			}
		}
	}
	if err := json.Unmarshal([]byte(tasks), &file); err != nil {
		t.Fatalf("%v\n%s", err, tasks)
	}
	m := file.Tasks[0].ProblemMatcher
	problem := regexp.MustCompile(m.Pattern.Regexp)
	begins, ends := regexp.MustCompile(m.Background.BeginsPattern), regexp.MustCompile(m.Background.EndsPattern)
	// each returns how many lines match.
	each := func(re *regexp.Regexp, text string) (n int) {
		for line := range strings.Lines(text) {
			if re.MatchString(strings.TrimSuffix(line, "\n")) {
				n++
			}
		}
		return n
	}
	changed := event.Changed{Paths: []string{"/home/user/shop/main.go"}, Effect: "rebuild", Why: "x"}
	for _, names := range [][]string{nil, {"shop", "a-longer-one"}} {
		p := new(Palette)
		p.Set(names)
		one := text(TextOptions{Services: p})
		if s := render(one, "shop", changed); each(begins, s) != 1 || each(ends, s) != 0 {
			t.Errorf("no beginning: %q", s)
		}
		for _, body := range []event.Body{
			event.Live{LatencyMS: 4}, compileError, event.BuildFinished{OK: true}, event.BuildFinished{OK: true, Unchanged: true},
			event.Changed{Paths: []string{"/home/user/shop/main.go"}, Effect: "none", Why: "back to what runs"},
		} {
			if s := render(one, "shop", body); each(ends, s) != 1 || each(begins, s) != 0 {
				t.Errorf("no end: %q", s)
			}
		}
		s := render(one, "shop", compileError)
		if each(problem, s) != 1 {
			t.Errorf("%d problems in\n%s", each(problem, s), s)
		}
		for line := range strings.Lines(s) {
			if g := problem.FindStringSubmatch(strings.TrimSuffix(line, "\n")); g != nil {
				got := []string{g[m.Pattern.File], g[m.Pattern.Line], g[m.Pattern.Column], g[m.Pattern.Message]}
				if want := "api/main.go|12|3|undefined: foo"; strings.Join(got, "|") != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
	}
	if !strings.Contains(file.Tasks[0].Command, "log.time=false") {
		t.Error("the patterns are for lines without the time of day")
	}
}
