// Package lib stands for a library in the sense of a package of the user's own module.
package lib

import "fmt"

// E is an error whose text has several lines.
type E struct{ N int }

func (e *E) Error() string { return fmt.Sprintf("custom %d\nsecond line\n\nfourth", e.N) }

// Boom panics with v.
func Boom[T any](v T) { panic(v) }
