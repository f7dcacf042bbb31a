package runner

import (
	"net/netip"
	"os"
)

// handedOver: no sockets are handed over here.
func handedOver([]*os.File) []netip.AddrPort { return nil }
