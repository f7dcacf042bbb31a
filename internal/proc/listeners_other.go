//go:build !linux

package proc

import "net/netip"

// ListenersOf is not known here.
func ListenersOf([]int) []netip.AddrPort { return nil }
