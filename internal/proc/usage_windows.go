package proc

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryCounters is PROCESS_MEMORY_COUNTERS.
type memoryCounters struct {
	Size, PageFaults                                uint32
	PeakWorkingSet, WorkingSet                      uintptr
	QuotaPeakPaged, QuotaPaged, QuotaPeakNonPaged   uintptr
	QuotaNonPaged, PagefileUsage, PeakPagefileUsage uintptr
}

var getProcessMemoryInfo = windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo")

func (g *Group) usage() (u Usage, ok bool) {
	pids := g.Pids()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.os.empty {
		return Usage{}, false
	}
	var acc jobAccounting
	if windows.QueryInformationJobObject(g.os.job, windows.JobObjectBasicAccountingInformation,
		uintptr(unsafe.Pointer(&acc)), uint32(unsafe.Sizeof(acc)), nil) != nil {
		return Usage{}, false
	}
	u.CPU = time.Duration(acc.TotalUserTime+acc.TotalKernelTime) * 100 // in units of 100 ns
	for _, pid := range pids {
		u.Memory += workingSet(pid)
	}
	return u, true
}

// workingSet is the memory of a process, 0 if it is not known.
func workingSet(pid int) int64 {
	if getProcessMemoryInfo.Find() != nil {
		return 0
	}
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return 0
	}
	defer windows.CloseHandle(h)
	c := memoryCounters{Size: uint32(unsafe.Sizeof(memoryCounters{}))}
	if r, _, _ := getProcessMemoryInfo.Call(uintptr(h), uintptr(unsafe.Pointer(&c)), uintptr(c.Size)); r == 0 {
		return 0
	}
	return int64(c.WorkingSet)
}
