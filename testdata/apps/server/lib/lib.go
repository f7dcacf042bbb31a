// Package lib says what the server answers.
package lib

import "fmt"

// Answer is the text for "/".
func Answer(pid int, version string) string {
	return fmt.Sprintf("pid=%d version=%s", pid, version)
}
