package direct

import "testing"

// N5 (39): what Xcode's linker says about every program with cgo does not turn the engine off.
func TestOnlyNoise(t *testing.T) {
	for out, want := range map[string]bool{
		"":   true,
		"\n": true,
		"ld: warning: ignoring duplicate libraries: '-lm'\n":                                                                         true,
		"ld: warning: -no_pie is deprecated when targeting new OS versions\r\nld: warning: ignoring duplicate libraries: '-lresolv'": true,
		"ld: warning: '/tmp/go-link-1/000013.o' has malformed LC_DYSYMTAB, expected 98 undefined symbols\n":                          true,
		"ld: warning: object file was built for newer 'macOS' version (15.0) than being linked (14.0)\n":                             false,
		"ld: warning: ignoring duplicate libraries: '-lm'\nld: symbol(s) not found\n":                                                false,
		"ignoring duplicate libraries\n": false,
		"# command-line-arguments\n":     false,
	} {
		if got := onlyNoise([]byte(out)); got != want {
			t.Errorf("%q: %v", out, got)
		}
	}
}
