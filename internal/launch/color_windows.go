package launch

// forceColor: there are no pseudo-terminals for programs here.
const forceColor = true
