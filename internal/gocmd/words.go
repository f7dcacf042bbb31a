package gocmd

import (
	"errors"
	"fmt"
	"strings"
)

const spaces = " \t\n\r"

// Split returns the words of s. With an error, those before the quote that is not closed.
func Split(s string) ([]string, error) {
	var words []string
	for {
		s = strings.TrimLeft(s, spaces)
		if s == "" {
			return words, nil
		}
		if q := s[0]; q == '\'' || q == '"' {
			end := strings.IndexByte(s[1:], q)
			if end < 0 {
				return words, fmt.Errorf("unterminated %c string", q)
			}
			words = append(words, s[1:1+end])
			s = s[1+end+1:]
			continue
		}
		end := strings.IndexAny(s, spaces)
		if end < 0 {
			end = len(s)
		}
		words = append(words, s[:end])
		s = s[end:]
	}
}

// Join is the inverse of [Split]. Not every word can be quoted.
func Join(words []string) (string, error) {
	quoted := make([]string, len(words))
	for i, w := range words {
		switch {
		case w != "" && !strings.ContainsAny(w, spaces+`'"`):
			quoted[i] = w
		case !strings.Contains(w, "'"):
			quoted[i] = "'" + w + "'"
		case !strings.Contains(w, `"`):
			quoted[i] = `"` + w + `"`
		case !strings.ContainsAny(w, spaces) && w[0] != '\'' && w[0] != '"':
			quoted[i] = w // quotes inside a word do not count
		default:
			return "", errors.New("an argument that contains both kinds of quotes cannot be quoted: " + w)
		}
	}
	return strings.Join(quoted, " "), nil
}
