//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hotreload/hotreload/internal/chromium"
)

// website is a program with a page whose text comes from the code, from a template that is read at the
// start, and whose style comes from a file.
var website = program{name: "page", what: "a page with a template and a style sheet", main: "programs/page.go.txt"}

// edit is a kind of save, and how the page shows it.
type edit struct {
	name    string
	file    string                     // relative to the project
	content func(marker string) string // of the file
	shows   func(marker string) string // JavaScript that is true when the page shows it
}

// pageEdits are the three kinds of saves of someone who works on a page.
func pageEdits() ([]edit, error) {
	code, err := sources.ReadFile(website.main)
	if err != nil {
		return nil, err
	}
	has := func(id string) func(string) string {
		return func(marker string) string {
			return fmt.Sprintf(`document.getElementById(%q)?.textContent === %q`, id, marker)
		}
	}
	// A marker ends in a number of six digits, which is a colour as well as any.
	colour := func(marker string) string { return "#" + marker[len(marker)-6:] }
	return []edit{
		{"Go", "main.go", func(marker string) string { return replaceVersion(string(code), marker) }, has("code")},
		{"template", "page.html", func(marker string) string {
			return "<!doctype html><html><head><title>page</title><link rel=stylesheet href=/static/page.css></head>" +
				"<body><p id=code>{version}</p><p id=template>" + marker + "</p></body></html>\n"
		}, has("template")},
		{"CSS", "static/page.css", func(marker string) string { return "body { background: " + colour(marker) + " }\n" }, func(marker string) string {
			return fmt.Sprintf(`(c => { const e = document.createElement('i'); e.style.color = %q; document.body.append(e); const want = getComputedStyle(e).color; e.remove(); return getComputedStyle(document.body).backgroundColor === want })()`, colour(marker))
		}},
	}, nil
}

// pageShown measures what a person waits for: from the save until the new page is on the screen of a
// browser that was left alone.
func pageShown(ctx context.Context, b *bench, o options, tools []tool) ([]*table, error) {
	t := &table{Title: "Page: from save to painted in Chromium, small program, through the proxy", Head: []string{"tool", "save of", "n", "median ms", "min ms", "max ms", "of that after `live` ms"},
		Notes: []string{
			"A headless Chromium has the page open; nothing is loaded by hand. Painted: the document shows the new version, asked every 2 ms, and two frames later.",
			"Two frames are up to 33 ms. The template is read when the program starts; the style sheet is served as it is. Nothing is configured for either.",
			"The program sends Cache-Control: no-cache with the style sheet. Without that, Chromium takes it as fresh for a tenth of its age, and hotreload's proxy is the only one that makes it ask again.",
		}}
	browser, end, err := chromium.Start(ctx)
	if err != nil {
		t.row(ours, "left out: "+err.Error(), "", "", "", "", "")
		return []*table{t}, nil
	}
	defer end()
	dir, err := b.ready(ctx, website)
	if err != nil {
		return nil, err
	}
	edits, err := pageEdits()
	if err != nil {
		return nil, err
	}
	for _, e := range edits[1:] {
		if err := e.save(dir, b.marker()); err != nil {
			return nil, err
		}
	}
	var used []tool
	for _, one := range tools {
		switch w, ok := one.(watching); {
		case ok && one.name() == ours:
			used = append(used, w.with("hotreload, proxy", "proxy.listen", "[proxy]\nlisten = %q\n"),
				w.with("hotreload, proxy, start-first", "the same with order = start-first", "order = \"start-first\"\n[proxy]\nlisten = %q\n"))
		case ok && one.name() == "air":
			used = append(used, airPage())
		case ok && one.name() == "templ":
			w := templProxy(`\.(go|templ|html|css)$`)
			w.label = "templ, proxy, with a build"
			used = append(used, w)
		}
	}
	f, err := b.open(ctx, website, dir, "page", used, false, o)
	defer f.close()
	if err != nil {
		return nil, err
	}
	for _, r := range f.runners {
		if r.dropped != "" {
			continue
		}
		for _, e := range edits {
			if err := r.page(ctx, b, o, f, browser, e, t); ctx.Err() != nil {
				return nil, ctx.Err()
			} else if err != nil { // a peer whose page does not come back is a result, too
				progress("  %-28s %-8s %v", r.tool.name(), e.name, err)
				t.row(r.tool.name(), e.name, "left out: the page did not show every save", "", "", "", "")
			}
		}
	}
	return []*table{t}, nil
}

// page measures one kind of save with one tool, in a separate tab.
func (r *runner) page(ctx context.Context, b *bench, o options, f *field, browser context.Context, e edit, t *table) error {
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	if err := chromedp.Do(tab, chromedp.Navigate("http://"+r.entry()+"/page")); err != nil {
		return err
	}
	s := r.session.(*watchSession)
	var took, after sample
	for round := 0; round <= o.n; round++ {
		settle(f.pause, settleLimit)
		if s.events != nil {
			if err := s.events.skip(); err != nil {
				return err
			}
		}
		marker := b.marker()
		saved := time.Now()
		if err := e.save(r.project.dir, marker); err != nil {
			return err
		}
		if err := painted(tab, e.shows(marker)); err != nil {
			return err
		}
		d := time.Since(saved)
		if round == 0 {
			continue // warms up
		}
		took = append(took, d)
		if e.name != "CSS" { // nothing is built or started for it
			if ph, ok := s.phases(ctx); ok {
				after = append(after, d-ph.whole)
			}
		}
		progress("  round %d/%d  %-28s %-8s %6s ms", round, o.n, r.tool.name(), e.name, ms(d))
	}
	rest := ""
	if len(after) > 0 {
		rest = ms(after.median())
	}
	t.row(r.tool.name(), e.name, strconv.Itoa(len(took)), ms(took.median()), ms(took.min()), ms(took.max()), rest)
	return nil
}

func (e edit) save(dir, marker string) error {
	file := filepath.Join(dir, filepath.FromSlash(e.file))
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(e.content(marker)), 0o644))
}

// painted waits until the page of the tab shows it, and until the browser has painted that: a frame
// that began before may still be on the way.
func painted(tab context.Context, shows string) error {
	ctx, cancel := context.WithTimeout(tab, editLimit)
	defer cancel()
	if err := becomes(ctx, shows); err != nil {
		return err
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](`(window.benchPainted = 0, requestAnimationFrame(() => requestAnimationFrame(() => window.benchPainted = 1)))`)); err != nil {
		return err
	}
	return becomes(ctx, `window.benchPainted === 1`)
}

// becomes waits until the expression is true. While the page is being exchanged, there is nothing to ask.
func becomes(ctx context.Context, expr string) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expr)); ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`String(document.body && document.body.innerHTML)`))
			return fmt.Errorf("the page never became %s; it is %s", expr, text)
		case <-tick.C:
		}
	}
}

// airPage is Air with a build and its own proxy in front of the program.
func airPage() watching {
	return watching{label: "air, proxy, with a build", front: true, text: "its proxy: enabled, proxy_port, app_port; delay = 1; include_ext with html and css",
		files: func(p project) map[string]string {
			_, app, _ := net.SplitHostPort(p.addr)
			_, front, _ := net.SplitHostPort(frontAddr(p))
			return map[string]string{".air.toml": fmt.Sprintf(
				"root = \".\"\ntmp_dir = \"tmp\"\n\n[build]\ncmd = \"go build -o ./tmp/main .\"\nentrypoint = [\"./tmp/main\"]\ninclude_ext = [\"go\", \"html\", \"css\"]\ndelay = 1\n\n[proxy]\nenabled = true\nproxy_port = %s\napp_port = %s\n", front, app)}
		},
		argv: func(project) []string { return []string{"air", "-c", ".air.toml"} },
	}
}
