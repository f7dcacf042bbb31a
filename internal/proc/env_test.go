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

// The last setting of a name counts, and SetEnv leaves one and the slice as it was.
func TestSetEnv(t *testing.T) {
	env := []string{"A=1", "AB=2", "A=3", "odd"}
	if v := GetEnv(env, "A"); v != "3" {
		t.Errorf("A=%s", v)
	}
	set := SetEnv(env[:3], "A", "=4")
	if v := GetEnv(set, "A"); v != "=4" || GetEnv(set, "AB") != "2" || len(set) != 2 {
		t.Errorf("%q", set)
	}
	if v, ok := LookupEnv([]string{"E="}, "E"); v != "" || !ok {
		t.Error("an empty variable counts as none")
	}
	if _, ok := LookupEnv(env, "odd"); ok {
		t.Error("what is no assignment counts as a variable")
	}
	if m := MergeEnv(env[:3], map[string]string{"C": "6", "A": "5", "B": "7"}); !slices.Equal(m, []string{"AB=2", "A=5", "B=7", "C=6"}) {
		t.Errorf("%q", m)
	}
	if m := MergeEnv(env, nil); !slices.Equal(m, env) {
		t.Errorf("%q", m)
	}
	if env[0] != "A=1" || env[3] != "odd" || GetEnv(env, "B") != "" {
		t.Errorf("%q", env)
	}
}
