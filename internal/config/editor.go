package config

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	editorPlaceholder = regexp.MustCompile(`\{[^{}]*\}`)
	editorURL         = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
)

func checkEditor(s string) (wrong, hint string) {
	for _, p := range editorPlaceholder.FindAllString(s, -1) {
		if !slices.Contains([]string{"{file}", "{line}", "{column}"}, p) {
			return p + " is not a placeholder: expected {file}, {line} and {column}", ""
		}
	}
	if !strings.Contains(s, "{file}") {
		return strconv.Quote(s) + " names no file", "put {file} where the path goes: \"vscode://file/{file}:{line}:{column}\", or \"zed {file}:{line}\""
	}
	if words, err := splitWords(s); !editorURL.MatchString(s) && (err != nil || strings.Contains(words[0], "{")) {
		if err == nil {
			err = errors.New("the name of the command has a placeholder")
		}
		return err.Error(), "a command, as in \"zed {file}:{line}\", or a link, as in \"zed://file/{file}:{line}\""
	}
	return checkText(s)
}

// EditorLink is the link that opens a place in the editor; empty if a command does, or nothing.
func (p Proxy) EditorLink() string {
	if editorURL.MatchString(p.Editor) {
		return p.Editor
	}
	return ""
}

// EditorCommand is the command that opens a place in the editor; nil if a link does, or nothing.
func (p Proxy) EditorCommand() []string {
	if p.Editor == "" || editorURL.MatchString(p.Editor) {
		return nil
	}
	words, err := splitWords(p.Editor)
	if err != nil {
		return nil // checkEditor has refused it
	}
	return words
}

// splitWords splits a command at blanks. Single and double quotes keep them; nothing else has a
// meaning, because no shell is to read the name of a file.
func splitWords(s string) (words []string, err error) {
	var word strings.Builder
	begun, quote := false, rune(0)
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			begun, quote = true, r
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if begun {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("no command")
	}
	return words, nil
}
