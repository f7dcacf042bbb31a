package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/hotreload/hotreload/internal/advice"
	"github.com/hotreload/hotreload/internal/control"
	"github.com/hotreload/hotreload/internal/inspect"
	"github.com/hotreload/hotreload/internal/safe"
)

// What a tool answers at most: lines of output by default, bytes of output, and requests of a list by
// default.
const (
	mcpLines    = 50
	mcpOutput   = 64 << 10
	mcpRequests = 20
)

func newMCP(s streams) *cobra.Command {
	f := new(sessionFlags)
	cmd := &cobra.Command{
		Use: "mcp", Short: "Serve the session to a coding agent (MCP)",
		Long: `Serve the running session to a coding agent, over the Model Context Protocol on
standard input and output. The tools are status, wait, errors, logs, restart,
requests and replay.

The agent starts this command itself. The session may start and end at any time:
each call finds the one that is running.`,
		Example: "  claude mcp add hotreload -- hotreload mcp\n  hotreload mcp -C ~/src/shop",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := newMCPServer(f).Run(cmd.Context(), &mcp.IOTransport{Reader: io.NopCloser(s.in), Writer: unclosed{s.out}})
			if errors.Is(err, io.EOF) {
				return nil // the agent has ended
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&f.dir, "dir", "C", "", "act as if started in `DIR`")
	return cmd
}

type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// Arguments of the tools.
type (
	mcpService struct {
		Service string `json:"service,omitempty" jsonschema:"name of a service; empty: all"`
	}
	mcpWait struct {
		mcpService
		Timeout int `json:"timeout_seconds,omitempty" jsonschema:"how long to wait at most; 0: until there is a result"`
	}
	mcpLogs struct {
		mcpService
		Lines int `json:"lines,omitempty" jsonschema:"how many lines of each service, the newest ones; 0: 50"`
	}
	mcpList struct {
		ID    int `json:"id,omitempty" jsonschema:"show this request with headers and bodies; 0: list requests"`
		Limit int `json:"limit,omitempty" jsonschema:"how many requests to list, the newest ones; 0: 20"`
	}
	mcpReplay struct {
		ID int `json:"id" jsonschema:"the request, as listed by requests"`
	}
)

// newMCPServer has the tools of the session that f finds.
func newMCPServer(f *sessionFlags) *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "hotreload", Version: Version()}, &mcp.ServerOptions{
		Instructions: "hotreload builds and restarts a Go program on every save. After an edit, call wait: it returns when the edit is live, " +
			"or the errors. Do not build or start the program yourself.",
	})
	addMCPTool(server, f, "status", "State of each service: live, building, failed or crashed, its process, its last error and times.", true, mcpStatus)
	addMCPTool(server, f, "wait", "Wait until every edit made so far is live or has failed, and return the errors. Call it after each edit, before you test.", true, mcpAwait)
	addMCPTool(server, f, "errors", "The errors of the newest build or start, with file, line, column and code.", true, mcpErrors)
	addMCPTool(server, f, "logs", "What the programs have printed, the newest lines.", true, mcpOutputOf)
	addMCPTool(server, f, "restart", "Restart the program without a build, and wait until it is live.", false, mcpRestart)
	addMCPTool(server, f, "requests", "HTTP requests that passed through the proxy, with status and duration; with id, one of them with headers and bodies. Needs proxy.inspect = true.", true, mcpRequestsOf)
	addMCPTool(server, f, "replay", "Send a request again to the newest program, when that is live, and return how the answer differs from the one before.", false, mcpSendAgain)
	return server
}

// mcpAct does what a tool is for. What it prints is for the agent to read; it returns the same as data.
type mcpAct[In any] func(ctx context.Context, s streams, f *sessionFlags, c *control.Client, in In) (any, error)

func addMCPTool[In any](server *mcp.Server, f *sessionFlags, name, about string, reads bool, act mcpAct[In]) {
	tool := &mcp.Tool{Name: name, Description: about, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: reads}}
	mcp.AddTool(server, tool, func(ctx context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		c, err := f.client(ctx)
		if err != nil {
			return nil, nil, explained(err)
		}
		var text bytes.Buffer
		data, err := act(ctx, streams{strings.NewReader(""), &text, &text}, f, c, in)
		if err != nil {
			return nil, nil, explained(noSession(err))
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text.String()}}}, data, nil
	})
}

// explained is an error with its hint in its text.
func explained(err error) error {
	if hint := advice.Hint(err); hint != "" {
		return fmt.Errorf("%w\nhint: %s", err, hint)
	}
	return err
}

// mcpServices is the status of the service that is asked for, or of all.
func mcpServices(ctx context.Context, c *control.Client, in mcpService) (st control.Status, err error) {
	if err = c.Do(ctx, http.MethodGet, "/status", "", &st); err == nil {
		err = onlyService(&st, in.Service)
	}
	return st, err
}

func mcpStatus(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpService) (any, error) {
	st, err := mcpServices(ctx, c, in)
	if err != nil {
		return nil, err
	}
	st.PageURL = "" // its token is for the person
	return st, s.status(st)
}

func mcpAwait(ctx context.Context, s streams, f *sessionFlags, _ *control.Client, in mcpWait) (any, error) {
	limited, cancel := context.WithCancel(ctx)
	if in.Timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, time.Duration(in.Timeout)*time.Second)
	}
	defer cancel()
	o, err := f.outcome(limited, in.Service, time.Now().Add(startGrace))
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && !errors.Is(err, control.ErrNoSession) {
		safe.Fprintf(s.out, "not live within %d s\n", in.Timeout)
		o, err = f.unfinished(ctx, in.Service)
	}
	if err != nil {
		return nil, err
	}
	s.serviceLines(o.Services)
	return o, nil
}

func mcpErrors(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpService) (any, error) {
	st, err := mcpServices(ctx, c, in)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(st.Services, func(x control.ServiceStatus) bool { return x.Error == "" })
	if len(list) == 0 {
		safe.Fprintf(s.out, "no errors\n")
	}
	s.serviceLines(list)
	return control.Outcome{OK: len(list) == 0, Services: list}, nil
}

// mcpText is the data of logs.
type mcpText struct {
	Text string `json:"text"`
}

func mcpOutputOf(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpLogs) (any, error) {
	lines := in.Lines
	if lines <= 0 {
		lines = mcpLines
	}
	var pieces []control.LogPiece
	names := map[string]bool{}
	err := c.Logs(ctx, in.Service, lines, false, func(p control.LogPiece) error {
		pieces = append(pieces, p)
		names[p.Service] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, p := range pieces {
		for line := range strings.Lines(p.Text) {
			if len(names) > 1 {
				text.WriteString(p.Service + " | ")
			}
			text.WriteString(line)
		}
	}
	all := text.String()
	if len(all) > mcpOutput {
		all = strings.ToValidUTF8(all[len(all)-mcpOutput:], "")
	}
	if all == "" {
		safe.Fprintf(s.out, "the programs have printed nothing\n")
	}
	safe.Fprintf(s.out, "%s", safe.Block(all))
	return mcpText{all}, nil
}

func mcpRestart(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpService) (any, error) {
	var o control.Outcome
	if err := c.Do(ctx, http.MethodPost, "/restart", in.Service, &o); err != nil {
		return nil, err
	}
	s.serviceLines(o.Services)
	return o, nil
}

func mcpRequestsOf(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpList) (any, error) {
	if in.ID != 0 {
		var d inspect.Detail
		if err := c.Do(ctx, http.MethodGet, fmt.Sprintf("/requests/%d", in.ID), "", &d); err != nil {
			return nil, err
		}
		s.request(d)
		return d, nil
	}
	var list inspect.List
	if err := c.Do(ctx, http.MethodGet, "/requests", "", &list); err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit <= 0 {
		limit = mcpRequests
	}
	list.Requests = list.Requests[:min(limit, len(list.Requests))]
	switch {
	case !list.Inspect:
		safe.Fprintf(s.out, "no proxy keeps requests: set proxy.listen and proxy.inspect = true in the config\n")
	case len(list.Requests) == 0:
		safe.Fprintf(s.out, "no request yet\n")
	}
	for _, r := range list.Requests {
		s.requestLine(r)
	}
	return list, nil
}

func mcpSendAgain(ctx context.Context, s streams, _ *sessionFlags, c *control.Client, in mcpReplay) (any, error) {
	var d inspect.Detail
	if err := c.Do(ctx, http.MethodPost, fmt.Sprintf("/requests/%d/replay", in.ID), "", &d); err != nil {
		return nil, err
	}
	s.requestLine(d.Summary)
	s.replayed(d)
	return d, nil
}

// requestLine prints a request in one line.
func (s streams) requestLine(r inspect.Summary) {
	held := ""
	if r.HeldMS > 0 {
		held = fmt.Sprintf(", held for %d ms", r.HeldMS)
	}
	safe.Fprintf(s.out, "%d: %s %s %s: %d (%d ms%s)\n", r.ID, r.Service, r.Method, r.Path, r.Status, r.DurationMS, held)
}

// request prints all that is kept of a request.
func (s streams) request(d inspect.Detail) {
	s.requestLine(d.Summary)
	if d.NoReplay != "" {
		safe.Fprintf(s.out, "it cannot be sent again: %s\n", d.NoReplay)
	}
	s.message("request to "+d.Host, d.Request)
	s.message(fmt.Sprintf("answer from generation %d", d.Generation), d.Answer)
	if d.Replay != nil {
		s.replayed(d)
	}
}

func (s streams) message(title string, m inspect.Message) {
	safe.Fprintf(s.out, "\n%s:\n", title)
	for _, h := range m.Headers {
		safe.Fprintf(s.out, "%s: %s\n", h.Name, h.Value)
	}
	switch {
	case m.Binary:
		safe.Fprintf(s.out, "\n(%d bytes, no text)\n", m.Size)
	case m.Body != "":
		safe.Fprintf(s.out, "\n%s\n", safe.Block(strings.TrimRight(m.Body, "\n")))
	}
	if m.Cut {
		safe.Fprintf(s.out, "(only the beginning of %d bytes is kept)\n", m.Size)
	}
}

func (s streams) replayed(d inspect.Detail) {
	switch r := d.Replay; {
	case r.Error != "":
		safe.Fprintf(s.out, "sent again: %s\n", r.Error)
	case r.Same:
		safe.Fprintf(s.out, "sent again to generation %d: %d (%d ms), the same answer\n", r.Generation, r.Status, r.DurationMS)
	default:
		safe.Fprintf(s.out, "sent again to generation %d: %d (%d ms), a different answer:\n%s", r.Generation, r.Status, r.DurationMS, safe.Block(r.Difference))
	}
}
