//go:build !darwin

package runner

// killedBy is who else kills a program.
const killedBy = "out of memory"
