//go:build unix && !linux

package main

import "time"

func cpuModel() string { return "" }

func busy() (time.Duration, bool) { return 0, false }
