package watcher

// system has no quirks. One change without an event says that others will have none.
var system = quirks{trust: 1}
