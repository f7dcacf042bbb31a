package runner

import (
	"bytes"
	"net"
	"regexp"
	"strconv"
	"sync"
)

// inUse looks for a program's message that its address is in use.
// Programs print it on either stream, in the words of their language, and may live on.
type inUse struct {
	once  sync.Once
	found chan string
}

// inUseMost is how much of each stream is looked at: a server binds at its start, and a
// program that writes a gigabyte per second must not pay for this.
const inUseMost = 1 << 20

var inUseMarks = [][]byte{
	[]byte("ddress already in use"),                 // strerror: Go, C, Python, Java, Ruby
	[]byte("EADDRINUSE"),                            // Node.js
	[]byte("AddrInUse"),                             // Rust
	[]byte("Only one usage of each socket address"), // Windows
}

func newInUse() *inUse { return &inUse{found: make(chan string, 1)} }

// add returns the function that takes stream number i.
func (u *inUse) add(int) func([]byte) {
	var line []byte // what there is of the last line
	left := inUseMost
	return func(p []byte) {
		if left <= 0 {
			return
		}
		left -= len(p)
		line = append(line, p...)
		end := bytes.LastIndexByte(line, '\n') + 1
		if end == 0 {
			// What follows the words may come with the rest of the line.
			const most = 4 << 10
			line = line[max(0, len(line)-most):]
			return
		}
		for _, mark := range inUseMarks {
			i := bytes.Index(line[:end], mark)
			if i < 0 {
				continue
			}
			from := bytes.LastIndexByte(line[:i], '\n') + 1
			before, behind := line[from:i], line[i+len(mark):end]
			behind = behind[:bytes.IndexByte(behind, '\n')]
			u.once.Do(func() { u.found <- addressIn(string(before), string(behind)) })
			left, line = 0, nil
			return
		}
		line = bytes.Clone(line[end:])
	}
}

var (
	clock   = regexp.MustCompile(`\d{1,2}:\d{2}:\d{2}`)
	address = regexp.MustCompile(`(\[[0-9a-fA-F:.%a-z]*\]|\*|[A-Za-z0-9][A-Za-z0-9.-]*|)[:.]*:(\d{1,5})\b`)
)

// addressIn finds the address in a complaint: what is before the words
// ("listen tcp 127.0.0.1:8080: bind: address already in use") or right behind them
// ("EADDRINUSE: address already in use :::3000"). "" if there is none.
func addressIn(before, behind string) string {
	if addr := firstAddress(behind, false); addr != "" {
		return addr
	}
	return firstAddress(before, true)
}

func firstAddress(text string, last bool) string {
	addr := ""
	for _, m := range address.FindAllStringSubmatch(clock.ReplaceAllString(text, " "), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil || n == 0 || n > 65535 {
			continue
		}
		host := m[1]
		if host == "*" {
			host = ""
		}
		if len(host) > 1 && host[0] == '[' {
			host = host[1 : len(host)-1]
		}
		addr = net.JoinHostPort(host, m[2])
		if !last {
			break
		}
	}
	return addr
}
