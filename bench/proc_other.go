//go:build unix && !linux

package main

import "time"

func processStat(int) (process, error) { return process{}, errNoProcessTable }

func processes() ([]process, error) { return nil, errNoProcessTable }

func preciseCPU(int) (time.Duration, error) { return 0, errNoProcessTable }

func memory(int) (rss, anonymous int64, err error) { return 0, 0, errNoProcessTable }

func watches(int) (int, error) { return 0, errNoProcessTable }
