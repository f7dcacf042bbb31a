//go:build !unix

// Img makes the pictures of the README; it needs tmux, and so a Unix system.
package main

func main() { println("make pictures needs a Unix system") }
