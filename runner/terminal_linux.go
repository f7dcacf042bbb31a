package runner

// keepTerminal: see stream.started. Linux keeps what was written. A variable for its test.
var keepTerminal = false
