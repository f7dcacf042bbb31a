//go:build !unix

package watcher

import "testing"

func fifo(*testing.T, string)           {}
func socket(*testing.T, string, string) {}
