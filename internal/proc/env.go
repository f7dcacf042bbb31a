package proc

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// CleanEnv returns env without what was meant for this process alone:
//
//   - LISTEN_FDS and its companions, NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
//     (systemd's protocols). Other names with these prefixes stay: LISTEN_ADDR is a
//     common setting of applications.
//   - HOTRELOAD and HOTRELOAD_*, of a hotreload around this one.
//   - the job server of make in MAKEFLAGS and MFLAGS: it names the descriptors 3 and 4,
//     which are ours, or closed, in a child. A nested make would read its tokens from them.
func CleanEnv(env []string) []string {
	out := make([]string, 0, len(env))
	for _, kv := range env {
		name, value, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		switch name {
		case "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "LISTEN_FDS_FIRST_FD",
			"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "HOTRELOAD":
			continue
		case "MAKEFLAGS", "MFLAGS":
			clean := withoutJobserver(value)
			if clean == "" {
				continue
			}
			kv = name + "=" + clean
		}
		if strings.HasPrefix(name, "HOTRELOAD_") {
			continue
		}
		out = append(out, kv)
	}
	return out
}

// withoutJobserver drops -j and --jobserver-* from the flags of make. What follows "--"
// are variable definitions, which stay as they are.
func withoutJobserver(flags string) string {
	words := strings.Split(flags, " ")
	out := words[:0:0]
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			out = append(out, words[i:]...)
			break
		}
		switch {
		case w == "-j" || w == "--jobs":
			if i+1 < len(words) && isNumber(words[i+1]) {
				i++
			}
		case strings.HasPrefix(w, "-j") && isNumber(w[2:]),
			strings.HasPrefix(w, "--jobs="),
			strings.HasPrefix(w, "--jobserver-auth="),
			strings.HasPrefix(w, "--jobserver-fds="),
			strings.HasPrefix(w, "--jobserver-style="):
		default:
			out = append(out, w)
		}
	}
	clean := strings.Join(out, " ")
	if strings.TrimSpace(clean) == "" {
		return ""
	}
	return clean
}

// SetEnv returns env with one variable set, without changing env.
func SetEnv(env []string, name, value string) []string {
	out := make([]string, 0, len(env)+4)
	for _, kv := range env {
		if k, _, ok := strings.Cut(kv, "="); !ok || !sameVariable(k, name) {
			out = append(out, kv)
		}
	}
	return append(out, name+"="+value)
}

// MergeEnv returns env with more variables set, without changing env.
func MergeEnv(env []string, more map[string]string) []string {
	for _, name := range slices.Sorted(maps.Keys(more)) {
		env = SetEnv(env, name, more[name])
	}
	return env
}

// GetEnv returns the value of a variable, empty if it is not set.
func GetEnv(env []string, name string) string {
	value, _ := LookupEnv(env, name)
	return value
}

// LookupEnv distinguishes an empty variable from none; the last setting counts, as for os/exec.
func LookupEnv(env []string, name string) (value string, ok bool) {
	for _, kv := range slices.Backward(env) {
		if k, v, ok := strings.Cut(kv, "="); ok && sameVariable(k, name) {
			return v, true
		}
	}
	return "", false
}

// uniqueEnv returns the settings of env with each variable once: the last setting counts, as for os/exec, where the program
// itself would see the first one on Windows, and any of them elsewhere. key is the same for all spellings of a name.
func uniqueEnv(env []string, key func(name string) string) []string {
	out := make([]string, 0, len(env))
	seen := make(map[string]bool, len(env))
	for _, kv := range slices.Backward(env) {
		// The first character is part of the name: Windows keeps the directory of a drive as =C:=C:\dir.
		i := strings.LastIndexByte(kv[:min(1, len(kv))], '=') + 1
		end := strings.IndexByte(kv[i:], '=')
		if end < 0 {
			continue
		}
		name := key(kv[:i+end])
		if !seen[name] {
			seen[name] = true
			out = append(out, kv)
		}
	}
	slices.Reverse(out)
	return out
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
