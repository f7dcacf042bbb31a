package runner

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// startError is why a program could not be started, and what to do about it.
type startError struct {
	message, hint string
	err           error
}

func (e *startError) Error() string { return e.message }
func (e *startError) Hint() string  { return e.hint }
func (e *startError) Unwrap() error { return e.err }

// explain tells what the error of exec means for this file and directory.
func explain(path, dir string, err error) error {
	e := &startError{err: err, message: fmt.Sprintf("cannot start %s: %v", path, cause(err))}
	if dir != "" {
		switch fi, derr := os.Stat(dir); {
		case errors.Is(derr, fs.ErrNotExist):
			e.message = fmt.Sprintf("cannot start %s: its working directory %s does not exist", path, dir)
			return e
		case derr == nil && !fi.IsDir():
			e.message = fmt.Sprintf("cannot start %s: its working directory %s is not a directory", path, dir)
			return e
		}
	}
	file := path
	if !filepath.IsAbs(file) && dir != "" {
		file = filepath.Join(dir, path)
	}
	head, _ := readHead(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.missing(path, file, head)
	case errors.Is(err, errTextBusy):
		e.message = fmt.Sprintf("cannot start %s: it is still being written by another process (text file busy)", path)
		e.hint = "find the writer with: fuser -v " + path
	case errors.Is(err, errExecFormat):
		e.format(path, file, head)
	case errors.Is(err, fs.ErrPermission):
		fi, serr := os.Stat(file)
		switch {
		case serr == nil && fi.IsDir():
			e.message = fmt.Sprintf("cannot start %s: it is a directory", path)
		case serr == nil && fi.Mode()&0o111 == 0:
			e.message = fmt.Sprintf("cannot start %s: it is not executable", path)
			e.hint = "chmod +x " + path
		default:
			e.hint = "a directory on the way is not accessible, or the file system is mounted noexec, or a security policy forbids it"
		}
	case errors.Is(err, errTooBig):
		e.message = fmt.Sprintf("cannot start %s: its arguments and environment are too long together, or one of them alone", path)
		e.hint = "Linux takes 128 KiB per argument or variable: pass long data in a file"
	case errors.Is(err, syscall.EAGAIN):
		e.message = fmt.Sprintf("cannot start %s: too many processes", path)
		e.hint = "see the limit with: ulimit -u"
	}
	return e
}

// cause is the innermost error: the path is named already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func readHead(file string) ([]byte, error) {
	fi, err := os.Stat(file)
	if err != nil || !fi.Mode().IsRegular() {
		return nil, err // a FIFO would hang
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 512)
	n, err := io.ReadFull(f, buf)
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = nil
	}
	return buf[:n], err
}

// missing: "no such file" is also said of a file whose loader or interpreter is missing.
func (e *startError) missing(path, file string, head []byte) {
	if _, err := os.Lstat(file); err != nil {
		e.message = fmt.Sprintf("cannot start %s: there is no such file", path)
		return
	}
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		interpreter := ""
		if f := strings.Fields(string(line)); len(f) > 0 {
			interpreter = f[0]
		}
		e.message = fmt.Sprintf("cannot start %s: its interpreter %q, named in its first line, does not exist", path, interpreter)
		if bytes.HasSuffix(line, []byte("\r")) {
			e.hint = "the file has Windows line endings: the carriage return counts as part of the name"
		}
		return
	}
	if loader := elfLoader(file); loader != "" {
		e.message = fmt.Sprintf("cannot start %s: its loader %s does not exist here", path, loader)
		e.hint = "it was linked for another system (glibc or musl): build it here, or with CGO_ENABLED=0"
		return
	}
	if target, err := os.Readlink(file); err == nil {
		e.message = fmt.Sprintf("cannot start %s: it is a link to %s, which does not exist", path, target)
	}
}

func elfLoader(file string) string {
	f, err := elf.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, _ := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return string(bytes.TrimRight(b, "\x00"))
		}
	}
	return ""
}

// format: the kernel does not know how to run the file.
func (e *startError) format(path, file string, head []byte) {
	what := ""
	switch {
	case len(head) == 0:
		what = "the file is empty"
	case bytes.HasPrefix(head, []byte("!<arch>\n")):
		what = "it is a library archive, not a program"
		e.hint = `the built package is not "package main"`
	case bytes.HasPrefix(head, []byte("MZ")):
		what = "it is a program for Windows"
		e.hint = "unset GOOS and GOARCH"
	default:
		if m := machine(file); m != "" {
			what = fmt.Sprintf("it is a program for %s, and this is %s/%s", m, runtime.GOOS, runtime.GOARCH)
			e.hint = "unset GOOS and GOARCH"
		} else if !bytes.ContainsRune(head, 0) {
			what = `it is a text without a first line like "#!/bin/sh"`
			e.hint = "add that line, or name the interpreter in the command"
		} else {
			what = "it is not a program that this system knows (exec format error)"
		}
	}
	e.message = fmt.Sprintf("cannot start %s: %s", path, what)
}

func machine(file string) string {
	if f, err := elf.Open(file); err == nil {
		defer f.Close()
		return "ELF " + strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	if f, err := macho.Open(file); err == nil {
		defer f.Close()
		return "macOS " + strings.ToLower(strings.TrimPrefix(f.Cpu.String(), "Cpu"))
	}
	if f, err := macho.OpenFat(file); err == nil {
		defer f.Close()
		return "macOS"
	}
	return ""
}
