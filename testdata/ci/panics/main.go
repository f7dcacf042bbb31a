// Command panics ends at once, with its last words on standard error. CI runs it on a terminal many
// times: none of them may be lost.
package main

func main() { panic("boom") }
