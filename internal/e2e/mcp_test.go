package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/inspect"
)

// agent is a coding agent that is connected to hotreload mcp.
type agent struct {
	t   *testing.T
	ctx context.Context
	*mcp.ClientSession
}

func startAgent(t *testing.T, dir string, env []string) *agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	cmd := exec.Command(hotreload, "mcp")
	cmd.Dir, cmd.Env = dir, env
	c, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(ctx, &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("the server does not end well: %v", err)
		}
	})
	return &agent{t, ctx, c}
}

// call returns the text of an answer, and fills in its data. failed says that it is an error.
func (a *agent) call(tool string, arguments map[string]any, data any) (text string, failed bool) {
	a.t.Helper()
	r, err := a.CallTool(a.ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	for _, c := range r.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	if data != nil && !r.IsError {
		raw, err := json.Marshal(r.StructuredContent)
		if err == nil {
			err = json.Unmarshal(raw, data)
		}
		if err != nil {
			a.t.Fatalf("%s: %v: %s", tool, err, raw)
		}
	}
	return text, r.IsError
}

// A coding agent edits, waits, reads errors and output, restarts, and sends a request again. Without
// a session it learns what to do, and a session that starts later is found.
func TestMCP(t *testing.T) {
	t.Parallel()
	dir := newApp(t, echoApp)
	a := startAgent(t, dir, cleanEnv())
	if text, failed := a.call("status", nil, nil); !failed || !strings.Contains(text, "no session is running") || !strings.Contains(text, "hotreload run") {
		t.Errorf("without a session: failed %v: %s", failed, text)
	}
	var names []string
	for tool, err := range a.Tools(a.ctx, nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "errors logs replay requests restart status wait" {
		t.Errorf("tools: %s", got)
	}

	w := startProxy(t, echoApp)
	a = startAgent(t, w.dir, w.cmd.Env)
	var st control.Status
	text, failed := a.call("status", nil, &st)
	if failed || !strings.Contains(text, "live") || st.Services[0].State != "live" || strings.Contains(text+st.PageURL, "token=") {
		t.Errorf("status: %v %+v\n%s", failed, st, text)
	}
	if text, _ := a.call("errors", nil, nil); text != "no errors\n" {
		t.Errorf("errors: %s", text)
	}
	if text, failed := a.call("status", map[string]any{"service": "nothing"}, nil); !failed || !strings.Contains(text, `"nothing"`) {
		t.Errorf("no such service: %v %s", failed, text)
	}

	w.post("/buy", "two")
	w.waitFor("request")
	if text, _ := a.call("logs", map[string]any{"lines": 1}, nil); !strings.HasPrefix(text, "got POST /buy") || strings.Count(text, "\n") != 1 {
		t.Errorf("logs: %q", text)
	}
	var list inspect.List
	if text, _ := a.call("requests", nil, &list); !strings.Contains(text, "1: echo POST /buy: 200") || len(list.Requests) != 1 {
		t.Errorf("requests: %s, %+v", text, list)
	}
	if text, _ := a.call("requests", map[string]any{"id": 1}, nil); !strings.Contains(text, "Authorization: (hidden)") || !strings.Contains(text, "\ntwo\n") || !strings.Contains(text, "version one") {
		t.Errorf("request: %s", text)
	}

	write(t, filepath.Join(w.dir, "version.go"), "package main\n\nconst Version = missing\n")
	var o control.Outcome
	if text, failed := a.call("wait", nil, &o); failed || o.OK || !strings.Contains(text, "version.go:3:17: undefined: missing") {
		t.Errorf("wait for a failure: %v %+v\n%s", failed, o, text)
	}
	if text, _ := a.call("errors", nil, &o); o.OK || o.Services[0].Diagnostics[0].Line != 3 || !strings.Contains(text, "undefined: missing") {
		t.Errorf("errors: %+v\n%s", o, text)
	}
	w.setVersion("two")
	if text, _ := a.call("wait", map[string]any{"timeout_seconds": int(deadline.Seconds())}, &o); !o.OK || !strings.Contains(text, "live") {
		t.Errorf("wait: %+v\n%s", o, text)
	}
	var d inspect.Detail
	if text, _ := a.call("replay", map[string]any{"id": 1}, &d); !strings.Contains(text, "-version one\n+version two\n") || d.Replay.Same {
		t.Errorf("replay: %+v\n%s", d.Replay, text)
	}
	if text, failed := a.call("replay", map[string]any{"id": 99}, nil); !failed || !strings.Contains(text, "no such request") {
		t.Errorf("replay of nothing: %v %s", failed, text)
	}
	pid := w.status().Services[0].PID
	if text, _ := a.call("restart", nil, &o); !o.OK || o.Services[0].PID == pid || !strings.Contains(text, "live") {
		t.Errorf("restart: %+v\n%s", o, text)
	}
	w.stop(syscall.SIGTERM)
	if text, failed := a.call("wait", nil, nil); !failed || !strings.Contains(text, "hotreload run") {
		t.Errorf("after the session: %v %s", failed, text)
	}
}
