package testkit

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
)

// Process is a process of the system.
type Process struct {
	PID  int
	Args string
	Env  []string // that it was started with
}

// Processes finds the processes whose environment has the variable, given as NAME=value, but not
// the test itself. On macOS it does not find the programs of the system, such as sh and sleep, whose
// environment is not shown; on other systems than Linux and macOS it finds none.
func Processes(variable string) []Process {
	var found []Process
	for _, pid := range pids() {
		args, env := argsOf(pid)
		if len(args) > 0 && pid != os.Getpid() && slices.Contains(env, variable) { // a zombie has no arguments
			found = append(found, Process{pid, strings.Join(args, " ") + " ", env})
		}
	}
	return found
}

// Alive reports whether a process exists and is not a zombie.
func Alive(pid int) bool {
	s := State(pid)
	return s != "" && s != "Z"
}

// parseArgs reads what macOS knows of a process (KERN_PROCARGS2): the number of its arguments, its
// path, zeros up to a multiple of a word, and its arguments and environment, up to an empty one.
func parseArgs(raw []byte) (args, env []string) {
	if len(raw) < 4 {
		return nil, nil
	}
	n := int(binary.NativeEndian.Uint32(raw))
	_, rest, _ := bytes.Cut(raw[4:], []byte{0})
	for word := range bytes.SplitSeq(bytes.TrimLeft(rest, "\x00"), []byte{0}) {
		switch {
		case len(args) < n:
			args = append(args, string(word))
		case len(word) == 0:
			return args, env
		default:
			env = append(env, string(word))
		}
	}
	return args, env
}
