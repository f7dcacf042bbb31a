package runner

import (
	"net/netip"
	"testing"
	"time"
)

func addresses(texts ...string) (list []netip.AddrPort) {
	for _, t := range texts {
		list = append(list, netip.MustParseAddrPort(t))
	}
	return list
}

// N5 (22): a socket that was handed over does not make a program a server, as lsof names it either.
func TestAnyOther(t *testing.T) {
	for _, c := range []struct {
		at, given []netip.AddrPort
		want      bool
	}{
		{nil, nil, false},
		{addresses("127.0.0.1:80"), nil, true},
		{addresses("127.0.0.1:80"), addresses("127.0.0.1:80"), false},
		{addresses("0.0.0.0:80"), addresses("[::]:80"), false},
		{addresses("127.0.0.1:80"), addresses("[::ffff:127.0.0.1]:80"), false},
		{addresses("0.0.0.0:80", "127.0.0.1:81"), addresses("[::]:80"), true},
		{addresses("127.0.0.2:80"), addresses("127.0.0.1:80"), true},
		{nil, addresses("127.0.0.1:80"), false},
	} {
		if got := anyOther(c.at, c.given); got != c.want {
			t.Errorf("%v, given %v: %v", c.at, c.given, got)
		}
	}
}

// N5 (22): who asks lsof about a program all the time does so for a fifth of it at most, and not
// again if it does not answer.
func TestRecent(t *testing.T) {
	asked, took := 0, time.Duration(0)
	ask := func() ([]netip.AddrPort, bool) {
		asked++
		for begun := time.Now(); took < time.Millisecond; took = time.Since(begun) { // as lsof does
		}
		return addresses("127.0.0.1:80"), true
	}
	var r recent
	if at, known := r.get(ask); len(at) != 1 || !known || asked != 1 {
		t.Errorf("%v %v, asked %d times", at, known, asked)
	}
	r.next = time.Now().Add(time.Hour)
	if at, known := r.get(ask); len(at) != 1 || !known || asked != 1 {
		t.Errorf("early: %v %v, asked %d times", at, known, asked)
	}
	r.next = time.Now().Add(-time.Nanosecond)
	took = 0
	before := time.Now()
	r.get(ask)
	if pause := r.next.Sub(before); asked != 2 || pause < 5*took {
		t.Errorf("asked %d times; next %v after the begin, though it took %v", asked, pause, took)
	}
	r.next = time.Time{}
	refuse := func() ([]netip.AddrPort, bool) { asked++; return nil, false }
	for range 3 {
		if at, known := r.get(refuse); at != nil || known {
			t.Errorf("%v %v", at, known)
		}
		r.next = time.Time{}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}
