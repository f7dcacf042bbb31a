package main

// Version is what tests edit.
const Version = "1"
