package runner

// killedBy is who else kills a program. macOS does so when the file of a program that has run was written in place (cp does
// that): the code signature that it remembers does not fit.
const killedBy = "out of memory, or a code signature that does not fit the file"
