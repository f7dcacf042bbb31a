package control

import "os"

// Input is hotreload's own standard input: the keys of a terminal, or lines that are meant
// for the program. It has one reader at a time.
type Input struct {
	f  *os.File
	os osInput
}

// File is what is read.
func (in *Input) File() *os.File { return in.f }

// Terminal is what is read if it is a terminal, else nil.
func (in *Input) Terminal() *os.File {
	if !in.os.tty {
		return nil
	}
	return in.f
}
