package proc

import "errors"

// StartListening always fails on Windows, which has no exec.
func StartListening(Cmd, []string) (*Group, error) {
	return nil, errors.New("handing listening sockets to the app is not supported on Windows")
}

func execMain([]string) int { return 127 }
