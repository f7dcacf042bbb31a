package main

// System is not part of the program on other systems.
const System = "windows"
