package proc

import (
	"slices"
	"strings"
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

// N5 (32): of several settings of a variable, a program gets the last one, whatever the system takes.
func TestUniqueEnv(t *testing.T) {
	env := []string{`=C:=C:\app`, "Path=1", "A=1", "odd", "", "=", `=D:=D:\x`, "PATH=2", "a=", `=C:=C:\b`, "A==3"}
	for name, c := range map[string]struct {
		key  func(string) string
		want []string
	}{
		"exact":     {func(s string) string { return s }, []string{"Path=1", `=D:=D:\x`, "PATH=2", "a=", `=C:=C:\b`, "A==3"}},
		"any case":  {strings.ToUpper, []string{`=D:=D:\x`, "PATH=2", `=C:=C:\b`, "A==3"}},
		"this here": {variableKey, nil},
	} {
		got := uniqueEnv(slices.Clip(env), c.key)
		if c.want != nil && !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		for _, kv := range got {
			if n, _, _ := strings.Cut(kv, "="); c.want == nil && n != "" && GetEnv(env, n) != kv[len(n)+1:] {
				t.Errorf("%s: %s is not what LookupEnv finds", name, kv)
			}
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
