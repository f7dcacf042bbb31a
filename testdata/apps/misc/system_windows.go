package main

import "syscall"

const sigurg = syscall.Signal(-1)

// ownSession: the nearest thing Windows has is a process group of its own.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
