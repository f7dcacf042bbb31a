package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"

	"github.com/hotreload/hotreload/internal/plan"
)

// Keys is what single keys do. The functions may be nil.
type Keys struct {
	Session Session
	Clear   func() // clear the terminal
	Open    func() // open the browser
	Help    func()
	Paused  func() bool
}

// HelpText lists the keys.
const HelpText = "r restart   b rebuild   p pause/resume   c clear   o open in browser   q quit   ? this"

// Press does what a key asks for. Unknown keys do nothing.
func (k Keys) Press(key byte) {
	switch key {
	case 'r', 'R':
		k.Session.Command(plan.Command{Do: plan.DoRestart, Why: "key r"})
	case 'b', 'B':
		k.Session.Command(plan.Command{Do: plan.DoRebuild, Why: "key b"})
	case 'p', 'P':
		do := plan.DoPause
		if k.Paused() {
			do = plan.DoResume
		}
		k.Session.Command(plan.Command{Do: do, Why: "key p"})
	case 'c', 'C':
		call(k.Clear)
	case 'o', 'O':
		call(k.Open)
	case 'q', 'Q':
		k.Session.Command(plan.Command{Do: plan.DoQuit, Why: "key q"})
	case '?', 'h', 'H':
		call(k.Help)
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// escape is what arrow and function keys send; a letter in it is no command.
var escape = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|O.|)`)

// ReadKeys reads single keys from a terminal until ctx ends, without echo and without
// waiting for Enter. The terminal's settings are put back before it returns. Where keys
// cannot be read because it is no terminal, it returns at once; while the terminal is not
// ours (`hotreload run &`, after Ctrl-Z and bg), it waits for it.
func ReadKeys(ctx context.Context, in *Input, k Keys) error {
	if in.Terminal() == nil {
		return nil
	}
	in.single(true)
	defer in.single(false)
	var buf [64]byte
	for {
		n, err := in.Read(ctx, buf[:])
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return nil // the terminal is gone; the session gets SIGHUP
		case err != nil:
			return err
		}
		if key, ok := keyOf(buf[:n]); ok {
			k.Press(key)
		}
	}
}

// keyOf is the key in what one read gave. Pressed again before it was read, on a busy machine,
// it is still one key. What was pasted is none.
func keyOf(read []byte) (key byte, ok bool) {
	keys := escape.ReplaceAll(read, nil)
	if len(keys) == 0 || bytes.Count(keys, keys[:1]) < len(keys) {
		return 0, false
	}
	return keys[0], true
}
