package proc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// osGroup is a job object. KILL_ON_JOB_CLOSE ends all of it when the last handle is
// closed, which the system does whatever becomes of this process: no guard is needed.
//
// This process is not put into a job of its own: a browser that it opens would then end
// with it.
type osGroup struct {
	nonce   string // not used here
	job     windows.Handle
	port    windows.Handle // completion port: reports when the job is empty
	process windows.Handle

	wake chan struct{}
	// Guarded by Group.mu.
	asked   bool
	killAt  time.Time
	patient bool
	empty   bool
	stopErr error
}

const (
	jobActiveProcessZero = 4 // JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO
	afterKill            = 2 * time.Second
)

// associatePort is JOBOBJECT_ASSOCIATE_COMPLETION_PORT.
type associatePort struct {
	Key  uintptr
	Port windows.Handle
}

// jobAccounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.
type jobAccounting struct {
	TotalUserTime, TotalKernelTime, ThisPeriodTotalUserTime, ThisPeriodTotalKernelTime int64
	TotalPageFaultCount, TotalProcesses, ActiveProcesses, TotalTerminatedProcesses     uint32
}

func start(c Cmd) (*Group, error) {
	if len(c.Extra) > 0 {
		return nil, errors.New("passing sockets to a program is not supported on Windows")
	}
	g := newGroup()
	g.os.wake = make(chan struct{}, 1)

	files := []*os.File{c.Stdin, c.Stdout, c.Stderr}
	if slices.Contains(files, nil) {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer null.Close()
		for i := range files {
			if files[i] == nil {
				files[i] = null
			}
		}
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: uniqueEnv(c.Env, variableKey), Sys: &syscall.SysProcAttr{
		// Suspended until it is in the job: a grandchild born before would be outside.
		CmdLine:       c.CmdLine,
		CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP,
	}}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}

	if err := g.os.open(); err != nil {
		return nil, err
	}
	pid, handle, err := syscall.StartProcess(c.Path, c.Args, attr)
	if err != nil {
		g.os.close()
		return nil, err
	}
	g.pid, g.os.process = pid, windows.Handle(handle)
	err = windows.AssignProcessToJobObject(g.os.job, g.os.process)
	if err == nil {
		err = resume(uint32(pid))
	}
	if err != nil {
		windows.TerminateProcess(g.os.process, 1)
		windows.CloseHandle(g.os.process)
		g.os.close()
		return nil, err
	}
	enter(g)

	waited := make(chan struct{})
	go g.wait(waited)
	go g.supervise(waited)
	return g, nil
}

func (o *osGroup) open() (err error) {
	if o.job, err = windows.CreateJobObject(nil, nil); err != nil {
		return err
	}
	var limit windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limit.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(o.job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limit)), uint32(unsafe.Sizeof(limit)))
	if err == nil {
		o.port, err = windows.CreateIoCompletionPort(windows.InvalidHandle, 0, 0, 1)
	}
	if err == nil {
		assoc := associatePort{Key: uintptr(o.job), Port: o.port}
		_, err = windows.SetInformationJobObject(o.job, windows.JobObjectAssociateCompletionPortInformation,
			uintptr(unsafe.Pointer(&assoc)), uint32(unsafe.Sizeof(assoc)))
	}
	if err != nil {
		o.close()
	}
	return err
}

func (o *osGroup) close() {
	if o.port != 0 {
		windows.CloseHandle(o.port)
	}
	windows.CloseHandle(o.job)
}

// resume starts the threads of a suspended process. The syscall package has closed the handle of its
// own one, so they are looked up. There may be more: security software adds one to new processes.
func resume(pid uint32) error {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snap)
	resumed := false
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snap, &entry); err == nil; err = windows.Thread32Next(snap, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		th, e := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if e != nil {
			continue
		}
		_, e = windows.ResumeThread(th)
		resumed = resumed || e == nil
		windows.CloseHandle(th)
	}
	if resumed {
		return nil
	}
	return err
}

// textFileBusy: virus scanners hold a new program open for a while.
func textFileBusy(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

// wait is the one waiter: for the leader, then for the job to be empty.
func (g *Group) wait(waited chan<- struct{}) {
	defer close(waited)
	windows.WaitForSingleObject(g.os.process, windows.INFINITE)
	var code uint32
	s := State{Code: -1}
	if windows.GetExitCodeProcess(g.os.process, &code) == nil {
		s.Code = int(code)
	}
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(g.os.process, &created, &exited, &kernel, &user) == nil {
		s.SysTime, s.UserTime = ticks(kernel), ticks(user)
	}
	g.leaderEnded(s)

	for {
		// The messages of a job are not guaranteed to arrive: look every 500 ms as well.
		var what uint32
		var key uintptr
		var ov *windows.Overlapped
		err := windows.GetQueuedCompletionStatus(g.os.port, &what, &key, &ov, 500)
		if err == nil && what == jobActiveProcessZero {
			return
		}
		var acc jobAccounting
		err = windows.QueryInformationJobObject(g.os.job, windows.JobObjectBasicAccountingInformation,
			uintptr(unsafe.Pointer(&acc)), uint32(unsafe.Sizeof(acc)), nil)
		if err != nil || acc.ActiveProcesses == 0 {
			return
		}
	}
}

// ticks is a span of time in units of 100 ns.
func ticks(f windows.Filetime) time.Duration {
	return time.Duration(int64(f.HighDateTime)<<32+int64(f.LowDateTime)) * 100
}

// supervise carries out Stop and finds out when the job is empty.
func (g *Group) supervise(waited <-chan struct{}) {
	defer func() {
		g.mu.Lock()
		g.os.empty = true
		g.mu.Unlock()
		<-waited // the handles are in use until then; a terminated job always empties
		windows.CloseHandle(g.os.process)
		g.os.close()
		leave(g)
		close(g.gone)
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	sent := false
	var once sync.Once
	for {
		g.mu.Lock()
		asked, killAt, patient := g.os.asked, g.os.killAt, g.os.patient
		g.mu.Unlock()
		wait := time.Hour
		if asked {
			now := time.Now()
			if !sent && now.Before(killAt) {
				if err := g.askToEnd(); err != nil { // waiting would not help
					killAt, patient = now, false
					g.mu.Lock()
					g.os.killAt, g.os.stopErr = killAt, err
					g.mu.Unlock()
				}
			}
			sent = true
			if wait = time.Until(killAt); wait <= 0 {
				once.Do(func() {
					if patient {
						g.addKilled(g.Members()...)
					}
				})
				windows.TerminateJobObject(g.os.job, 1)
				wait = afterKill
			}
		}
		timer.Reset(wait)
		select {
		case <-waited:
			return
		case <-g.os.wake:
		case <-timer.C:
		}
	}
}

func (g *Group) signal(sig syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.os.empty {
		return os.ErrProcessDone
	}
	switch sig {
	case syscall.SIGKILL:
		return windows.TerminateJobObject(g.os.job, 1)
	case syscall.SIGINT, syscall.SIGTERM:
		return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid))
	}
	return errors.New("Windows has no " + sig.String() + " signal")
}

// stop sends CTRL_BREAK, which Go programs see as os.Interrupt, whatever the signal asked for.
func (g *Group) stop(_ syscall.Signal, grace time.Duration) {
	g.mu.Lock()
	at := time.Now().Add(grace)
	if !g.os.asked || at.Before(g.os.killAt) {
		g.os.asked, g.os.killAt, g.os.patient = true, at, grace > 0
	}
	g.mu.Unlock()
	select {
	case g.os.wake <- struct{}{}:
	default:
	}
}

// StopErr says why Stop could not ask the group to end, so that it was ended at once.
func (g *Group) StopErr() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.os.stopErr
}

// Pids lists the processes of the job.
func (g *Group) Pids() []int {
	var list struct { // JOBOBJECT_BASIC_PROCESS_ID_LIST
		Assigned, InList uint32
		IDs              [1024]uintptr
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.os.empty {
		return nil
	}
	err := windows.QueryInformationJobObject(g.os.job, windows.JobObjectBasicProcessIdList,
		uintptr(unsafe.Pointer(&list)), uint32(unsafe.Sizeof(list)), nil)
	if err != nil && !errors.Is(err, windows.ERROR_MORE_DATA) {
		return nil
	}
	var pids []int
	for _, id := range list.IDs[:min(int(list.InList), len(list.IDs))] {
		pids = append(pids, int(id))
	}
	return pids
}

func (g *Group) Members() []string {
	var names []string
	for _, pid := range g.Pids() {
		name := strconv.Itoa(pid)
		if n := NameOf(pid); n != "" {
			name += " " + n
		}
		names = append(names, name)
	}
	return names
}

// NameOf is the command name of a process, "" if it is unknown.
func NameOf(pid int) string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(h)
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n := uint32(len(buf))
	if windows.QueryFullProcessImageName(h, 0, &buf[0], &n) != nil {
		return ""
	}
	return filepath.Base(windows.UTF16ToString(buf[:n]))
}

// Setup prepares this process for starting others: it needs a console. Handles are not inherited
// unless they are named.
func Setup() (warnings []string) {
	hideConsole()
	return nil
}
