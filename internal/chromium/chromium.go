// Package chromium starts an installed Chromium or Chrome, for the browser tests and the bench.
// It is one package so that both drive the same browser with the same flags.
package chromium

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
)

// ErrMissing says that there is no browser to start.
var ErrMissing = errors.New("no chromium on PATH (apt-get install chromium)")

// Test is the part of a testing.TB that a browser needs.
type Test interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Cleanup(f func())
}

// ForTest starts a browser for a test, and lets it do something first. Without one, the test is skipped.
func ForTest(t Test, first ...chromedp.Action[chromedp.Void]) context.Context {
	t.Helper()
	browser, end, err := Start(context.Background())
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	if err := chromedp.Do(browser, first...); err != nil {
		t.Fatal(err)
	}
	return browser
}

// Start starts a headless Chromium with an empty profile that connects only to the
// pages that it opens. end ends it and removes the profile.
func Start(ctx context.Context) (browser context.Context, end func(), err error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		return nil, nil, ErrMissing
	}
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		return nil, nil, err
	}
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile)}
	for _, f := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		opts = append(opts, chromedp.Flag(f, true))
	}
	alloc, stop := chromedp.NewExecAllocator(ctx, opts...)
	browser, cancel := chromedp.NewContext(alloc)
	end = func() {
		_ = chromedp.Cancel(browser)
		cancel()
		stop()
		os.RemoveAll(profile)
	}
	if err := chromedp.Do(browser); err != nil {
		end()
		return nil, nil, err
	}
	return browser, end, nil
}
