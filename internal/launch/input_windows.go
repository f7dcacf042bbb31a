package launch

// relays: a process group has no say about the console here; the program reads it itself.
const relays = false
