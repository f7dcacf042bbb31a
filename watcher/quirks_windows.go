package watcher

// system has the quirks of this system.
var system = windowsQuirks
