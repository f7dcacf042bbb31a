//go:build unix

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// P4: a command in proxy.editor is run for the place of an error, in the root and with its arguments
// as words. If it fails, that is in the terminal.
func TestP4EditorCommand(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "ran")
	editor := filepath.Join(t.TempDir(), "my editor")
	write(t, editor, "#!/bin/sh\necho \"$PWD|$#|$1|$2\" >>"+log+"\nexit $(cat status)\n")
	if err := os.Chmod(editor, 0o755); err != nil {
		t.Fatal(err)
	}
	files := portApp(true)
	files["status"] = "0"
	files["version.go"] = "package main\n\nconst Version = missing\n"
	files[".hotreload.toml"] = "[proxy]\neditor = \"\"\"'" + editor + "' '-l {line}' {file}\"\"\"\n"
	w := start(t, newApp(t, files), []string{"--proxy"})
	w.waitFor("build_finished")
	url := w.status().Services[0].ProxyURL
	post := func() int {
		t.Helper()
		resp, err := http.Get(url + "/__hotreload/state")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var state struct {
			Trouble struct{ Places []struct{ Link string } }
		}
		if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || len(state.Trouble.Places) == 0 {
			t.Fatalf("%v: %+v", err, state)
		}
		req, err := http.NewRequest("POST", url+state.Trouble.Places[0].Link, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", url)
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode
	}
	want := w.dir + "|2|-l 3|" + filepath.Join(w.dir, "version.go") + "\n"
	if code := post(); code != http.StatusNoContent {
		t.Errorf("status %d", code)
	}
	until(t, "the editor is open", func() bool { b, _ := os.ReadFile(log); return string(b) == want })
	write(t, filepath.Join(w.dir, "status"), "3")
	post()
	e := w.wait("the failure", func(e ev) bool { return e.Event == "problem" })
	if !strings.Contains(e.str("message"), "my editor -l 3") || !strings.Contains(e.str("message"), "exit status 3") {
		t.Errorf("%s", e.line)
	}
	w.stop(syscall.SIGTERM)
}
