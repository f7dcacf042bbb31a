//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// facts describes the machine and the day.
func facts(ctx context.Context, hotreload string) []fact {
	f := []fact{
		{"date", time.Now().Format("2006-01-02")},
		{"machine", fmt.Sprintf("%d cores, %s", runtime.NumCPU(), orUnknown(cpuModel()))},
		{"system", strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + output(ctx, "uname", "-r"))},
		{"Go", strings.TrimPrefix(output(ctx, "go", "env", "GOVERSION"), "go")},
	}
	if v := output(ctx, hotreload, "version"); v != "" {
		f = append(f, fact{"hotreload", v})
	}
	return f
}

func orUnknown(s string) string {
	if s == "" {
		return "processor unknown"
	}
	return s
}

// output is the first line that a command prints, "" if it fails.
func output(ctx context.Context, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = os.TempDir()
	b, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// peerVersion reads the version that the go command stamped into a tool.
func peerVersion(ctx context.Context, path string) string {
	b, err := exec.CommandContext(ctx, "go", "version", "-m", path).Output()
	if err != nil {
		return "unknown version"
	}
	return stampedVersion(string(b))
}

// stampedVersion takes the version out of the output of go version -m.
func stampedVersion(s string) string {
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "mod" {
			return f[2]
		}
	}
	return "unknown version"
}

// noise tells how much of the machine others used during a run: figures of a busy
// machine are worth less.
type noise struct {
	at   time.Time
	busy time.Duration
	ok   bool
}

func listen() noise {
	b, ok := busy()
	return noise{time.Now(), b, ok}
}

// others is a sentence about the processors since listen; "" if it is not known. own
// is what the bench and its children used.
func (n noise) others(own time.Duration) string {
	b, ok := busy()
	if !ok || !n.ok {
		return ""
	}
	all := time.Since(n.at) * time.Duration(runtime.NumCPU())
	return fmt.Sprintf("%.0f %% of the processors' time during the run", 100*max(0, float64(b-n.busy-own)/float64(all)))
}

// ownTime is what the bench and the processes it has waited for have used.
func ownTime() time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var ru syscall.Rusage
		if err := syscall.Getrusage(who, &ru); err == nil {
			sum += time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
		}
	}
	return sum
}
