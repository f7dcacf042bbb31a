//go:build !windows

package config

// escapable are the characters that a backslash makes literal in a glob.
const escapable = `*?\[]{}!,-^`
