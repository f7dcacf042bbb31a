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
	"slices"
	"strings"
	"syscall"

	"github.com/hotreload/hotreload/internal/advice"
)

// explain says what the error of exec means for this file and directory.
func explain(path, dir string, err error) error {
	what, hint := badDir(dir), ""
	if what == "" {
		what, hint = diagnose(path, dir, err)
	}
	return advice.Explain(err, fmt.Sprintf("cannot start %s: %s", path, what), hint)
}

// badDir is what is wrong with the working directory: exec names the program then.
func badDir(dir string) string {
	if dir == "" {
		return ""
	}
	switch fi, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("its working directory %s does not exist", dir)
	case err == nil && !fi.IsDir():
		return fmt.Sprintf("its working directory %s is not a directory", dir)
	}
	return ""
}

// diagnose finds the reason in the file, where the error alone says too little.
func diagnose(path, dir string, err error) (what, hint string) {
	file := path
	if !filepath.IsAbs(file) && dir != "" {
		file = filepath.Join(dir, path)
	}
	head, _ := readHead(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what, hint = missing(file, head)
	case errors.Is(err, errTextBusy):
		return "another process is still writing it (text file busy)", writerHint(path)
	case slices.ContainsFunc(formatErrors, func(e error) bool { return errors.Is(err, e) }):
		return format(file, head)
	case errors.Is(err, fs.ErrPermission):
		fi, serr := os.Stat(file)
		switch {
		case serr == nil && fi.IsDir():
			return "it is a directory", ""
		case serr == nil && executeBits && fi.Mode()&0o111 == 0:
			return "it is not executable", "chmod +x " + path
		}
		hint = refusedHint
	case errors.Is(err, errTooBig):
		return "its arguments and environment are too long, together or one of them alone",
			"pass long data in a file: " + argumentLimit
	case errors.Is(err, syscall.EAGAIN):
		return "too many processes", "see the limit with: ulimit -u"
	}
	if what == "" {
		what = cause(err).Error()
	}
	return what, hint
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

// missing: "no such file" is also the error for a file whose loader or interpreter is missing.
func missing(file string, head []byte) (what, hint string) {
	if _, err := os.Lstat(file); err != nil {
		return "there is no such file", ""
	}
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		interpreter := ""
		if f := strings.Fields(string(line)); len(f) > 0 {
			interpreter = f[0]
		}
		if bytes.HasSuffix(line, []byte("\r")) {
			hint = "the file has Windows line endings: the carriage return counts as part of the name"
		}
		return fmt.Sprintf("its interpreter %q, named in its first line, does not exist", interpreter), hint
	}
	if loader := elfLoader(file); loader != "" {
		return fmt.Sprintf("its loader %s does not exist here", loader),
			"it was linked for another system (glibc or musl): build it here, or with CGO_ENABLED=0"
	}
	if target, err := os.Readlink(file); err == nil {
		return fmt.Sprintf("it is a link to %s, which does not exist", target), ""
	}
	return "", ""
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
func format(file string, head []byte) (what, hint string) {
	const otherSystem = "unset GOOS and GOARCH"
	switch {
	case len(head) == 0:
		return "the file is empty", ""
	case bytes.HasPrefix(head, []byte("!<arch>\n")):
		return "it is a library archive, not a program", `the built package is not "package main"`
	case bytes.HasPrefix(head, []byte("MZ")):
		return "it is a program for Windows", otherSystem
	}
	if m := machine(file); m != "" {
		return fmt.Sprintf("it is a program for %s, and this is %s/%s", m, runtime.GOOS, runtime.GOARCH), otherSystem
	}
	if !bytes.ContainsRune(head, 0) {
		return `it is a text without a first line like "#!/bin/sh"`, "add that line, or name the interpreter in the command"
	}
	return "it is not a program that this system knows (exec format error)", ""
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
