package e2e

import "testing"

// P20: the key `o` opens the address of `run --proxy`.
func TestP20RunProxyKey(t *testing.T) {
	t.Parallel()
	path, opened := fakeBrowser(t)
	s, x := startTTY(t, newApp(t, portApp(true)), []string{"--proxy"}, withEnv(path))
	s.waitFor("live")
	until(t, "keys are read", x.keyMode)
	x.press("o")
	if url, _ := opened(); url != "http://"+s.proxied() {
		t.Errorf("opened %q, want http://%s", url, s.proxied())
	}
	x.press("q")
	s.exit()
}
