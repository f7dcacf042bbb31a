package proc

import (
	"slices"
	"testing"
)

// T11 and what must not leak from hotreload's own parent.
func TestCleanEnv(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"PATH=/bin", "PATH=/bin"},
		{"LISTEN_FDS=1", ""}, {"LISTEN_PID=1", ""}, {"LISTEN_FDNAMES=a:b", ""}, {"LISTEN_PIDFDID=7", ""},
		{"LISTEN_ADDR=:80", "LISTEN_ADDR=:80"}, // an application's own
		{"NOTIFY_SOCKET=/x", ""},
		{"WATCHDOG_USEC=1", ""}, {"WATCHDOG_PID=1", ""}, {"WATCHDOG_DIR=/x", "WATCHDOG_DIR=/x"},
		{"HOTRELOAD=1", ""}, {"HOTRELOAD_GROUP=x", ""}, {"HOTRELOAD_STATE_DIR=/x", ""}, {"HOTRELOADER=1", "HOTRELOADER=1"},
		{"EMPTY=", "EMPTY="}, {"A=b=c", "A=b=c"}, {"noassignment", ""},

		{"MAKEFLAGS= -j4 --jobserver-auth=3,4", ""},
		{"MAKEFLAGS= -j --jobserver-fds=3,4 -- A=-j8 B=1", "MAKEFLAGS= -- A=-j8 B=1"},
		{"MAKEFLAGS= --jobserver-auth=fifo:/tmp/GMfifo1 --jobserver-style=fifo", ""},
		{"MAKEFLAGS=ks -j4 --jobserver-auth=3,4 -- X=--jobserver-auth=1,2", "MAKEFLAGS=ks -- X=--jobserver-auth=1,2"},
		{"MAKEFLAGS=-j 4 -k --jobs=3 --jobs 5", "MAKEFLAGS=-k"},
		{"MAKEFLAGS=-just", "MAKEFLAGS=-just"},
		{"MAKEFLAGS=", ""},
		{"MFLAGS=-j4 --jobserver-auth=3,4 -w", "MFLAGS=-w"},
	} {
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if got := CleanEnv([]string{tt.in}); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", tt.in, got, want)
		}
	}
}

func FuzzCleanEnv(f *testing.F) {
	f.Add("MAKEFLAGS= -j4 --jobserver-auth=3,4 -- A=1")
	f.Fuzz(func(t *testing.T, s string) {
		once := CleanEnv([]string{s})
		if twice := CleanEnv(once); !slices.Equal(once, twice) {
			t.Errorf("%q: %q, then %q", s, once, twice)
		}
	})
}
