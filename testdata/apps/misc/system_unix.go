//go:build unix

package main

import "syscall"

const sigurg = syscall.SIGURG

func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
