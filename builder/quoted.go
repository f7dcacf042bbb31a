package builder

import (
	"errors"
	"fmt"
	"strings"
)

// The go command cuts GOFLAGS and the values of -ldflags at spaces, with ' or " around
// a whole word, and no escapes. splitQuoted and joinQuoted follow that.

const spaces = " \t\n\r"

func splitQuoted(s string) ([]string, error) {
	var words []string
	for {
		s = strings.TrimLeft(s, spaces)
		if s == "" {
			return words, nil
		}
		if q := s[0]; q == '\'' || q == '"' {
			end := strings.IndexByte(s[1:], q)
			if end < 0 {
				return nil, fmt.Errorf("unterminated %c string", q)
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

func joinQuoted(words []string) (string, error) {
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
			return "", errors.New("an argument with both kinds of quotes cannot be quoted: " + w)
		}
	}
	return strings.Join(quoted, " "), nil
}
