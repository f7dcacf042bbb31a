//go:build integration

package main

// Debug is part of the program only with -tags integration.
const Debug = true
