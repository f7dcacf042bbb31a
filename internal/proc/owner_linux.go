package proc

import (
	"bytes"
	"os"
	"strconv"
)

// terminalOwner is the foreground group of the terminal of the process's session; 0 or
// less if unknown. TIOCGPGRP does not work for a process of another session.
func terminalOwner(pid int) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // state ppid pgrp session tty_nr tpgid
	if len(f) < 6 {
		return 0
	}
	n, _ := strconv.Atoi(string(f[5]))
	return n
}
