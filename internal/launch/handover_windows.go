package launch

// unixHandover: Windows passes no descriptors to a program, and Go knows no Unix datagrams there. A variable for its test.
var unixHandover = false
