package proc

import (
	"fmt"
	"strconv"
	"strings"
)

// record is one line that a guard reads: a group began (+) or is gone (-), a directory
// was made (d) or removed (x), the terminal's modes were changed (t).
type record struct {
	op   byte
	pid  int
	text string // the group's nonce, the directory, or the modes
}

func (r record) String() string {
	switch r.op {
	case '+':
		return fmt.Sprintf("+%d %s\n", r.pid, r.text)
	case '-':
		return fmt.Sprintf("-%d\n", r.pid)
	default:
		return fmt.Sprintf("%c%s\n", r.op, strconv.Quote(r.text))
	}
}

func parseRecord(line string) (r record, ok bool) {
	line, ok = strings.CutSuffix(line, "\n") // an incomplete line: killed while writing
	if !ok || line == "" {
		return r, false
	}
	r.op = line[0]
	var err error
	switch rest := line[1:]; r.op {
	case '+':
		num, nonce, _ := strings.Cut(rest, " ")
		r.text = nonce
		r.pid, err = strconv.Atoi(num)
	case '-':
		r.pid, err = strconv.Atoi(rest)
	case 'd', 'x', 't':
		r.text, err = strconv.Unquote(rest)
	default:
		return r, false
	}
	// kill(-1) and kill(-0) would hit everybody.
	if err != nil || (r.op == '+' || r.op == '-') && r.pid <= 1 {
		return r, false
	}
	return r, true
}
