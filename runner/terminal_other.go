//go:build unix && !linux

package runner

// keepTerminal: see stream.started. The ttyclose of XNU and of the BSDs discards what was not read.
var keepTerminal = true
