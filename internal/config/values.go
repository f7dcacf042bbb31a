package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Socket is one entry of run.listen.
type Socket struct {
	Name    string // for LISTEN_FDNAMES; "" if none was given
	Network string // "tcp" or "unix"
	Address string // host:port, or a path (relative ones to the root)
}

// String is the socket as an entry of run.listen.
func (s Socket) String() string {
	entry := s.Address
	if s.Network == "unix" {
		entry = "unix:" + entry
	}
	if s.Name != "" {
		entry = s.Name + "=" + entry
	}
	return entry
}

// parseSocket reads an entry of run.listen: "127.0.0.1:8080", "name=:9090",
// "unix:/run/x.sock", "name=unix:x.sock".
func parseSocket(s string) (Socket, error) {
	var out Socket
	rest := s
	if name, address, ok := strings.Cut(s, "="); ok && !strings.ContainsAny(name, ":/[") {
		// systemd's own rule for names: printable ASCII without colon, at most 255
		// characters (sd_listen_fds_with_names(3)).
		if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return out, fmt.Errorf("%q has a bad name before the =: letters and digits are expected", s)
		}
		out.Name, rest = name, address
	}
	if file, ok := strings.CutPrefix(rest, "unix:"); ok {
		// 104 bytes with the final zero is the smallest limit (macOS); Linux has 108.
		if file == "" || strings.ContainsRune(file, 0) {
			return out, fmt.Errorf("%q does not name a socket file", s)
		}
		out.Network, out.Address = "unix", file
		return out, nil
	}
	if wrong, _ := checkAddress(rest); wrong != "" {
		return out, errors.New(wrong)
	}
	out.Network, out.Address = "tcp", rest
	return out, nil
}

// Ready is run.ready. At most one field is set; none: the config does not decide it.
type Ready struct {
	TCP    string         // address
	HTTP   string         // URL
	Log    *regexp.Regexp // of a line
	Notify bool           // sd_notify
	Exit   bool           // it has ended with exit code 0
	After  time.Duration

	text string // as in the file: "0.3s" stays that
}

// String is the value as in the file.
func (r Ready) String() string { return r.text }

// IsZero reports whether the config leaves open when the program is ready.
func (r Ready) IsZero() bool { return r.text == "" }

// Equal reports whether both are the same condition, written alike.
func (r Ready) Equal(other Ready) bool { return r.text == other.text }

// Address is the host:port that is asked whether the program is ready; "" if none is.
func (r Ready) Address() string {
	if u, err := url.Parse(r.HTTP); err == nil && u.Port() != "" {
		return u.Host
	}
	return r.TCP
}

var errReady = errors.New(`expected "tcp:ADDR", "http://...", "notify", "log:REGEXP", "exit" or a duration`)

// parseReady reads run.ready.
func parseReady(s string) (Ready, error) {
	r, err := parseCondition(s)
	r.text = s
	return r, err
}

func parseCondition(s string) (Ready, error) {
	switch {
	case s == "":
		return Ready{}, nil
	case s == "notify":
		return Ready{Notify: true}, nil
	case s == "exit":
		return Ready{Exit: true}, nil
	case strings.HasPrefix(s, "tcp:"):
		address := strings.TrimPrefix(s, "tcp:")
		if wrong, _ := checkTarget(address); wrong != "" {
			return Ready{}, errors.New(wrong)
		}
		return Ready{TCP: address}, nil
	case strings.HasPrefix(s, "http://"):
		return Ready{HTTP: s}, checkURL(s)
	case strings.HasPrefix(s, "log:"):
		re, err := parseRegexp(strings.TrimPrefix(s, "log:"))
		return Ready{Log: re}, err
	}
	d, err := parseDuration(s)
	if err != nil {
		if strings.Trim(s, "0123456789.") == "" || s[0] == '-' || s[0] == '+' {
			return Ready{}, err
		}
		return Ready{}, fmt.Errorf("%q is not a readiness condition: %w", s, errReady)
	}
	if d == 0 {
		return Ready{}, fmt.Errorf("%q waits for nothing; leave ready empty", s)
	}
	return Ready{After: d}, nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q is not a URL", s)
	}
	if p := u.Port(); p != "" && !validPort(p, 1) {
		return fmt.Errorf("%q has no port between 1 and 65535", s)
	}
	return nil
}

func parseRegexp(s string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, errors.New("the regular expression after log: is empty")
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("bad regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re, nil
}

var errUnit = errors.New("a duration needs a unit")

// parseDuration is time.ParseDuration that insists on a unit (time allows "0") and on a
// value that is not negative.
func parseDuration(s string) (time.Duration, error) {
	trimmed := strings.TrimLeft(s, "+-")
	if trimmed != "" && strings.Trim(trimmed, "0123456789.") == "" {
		return 0, errUnit
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration", s)
	case d < 0:
		return 0, fmt.Errorf("%q is negative", s)
	}
	return d, nil
}

func quoteList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return strings.Join(quoted, ", ")
}

// The checks below answer what is wrong with one string and what to do; "" is fine.

func checkOptional(check func(string) (string, string)) func(string) (string, string) {
	return func(s string) (string, string) {
		if s == "" {
			return "", ""
		}
		return check(s)
	}
}

func checkText(s string) (wrong, hint string) {
	if strings.ContainsRune(s, 0) {
		return "a null character is not allowed here", ""
	}
	return "", ""
}

func checkArgument(s string) (wrong, hint string) { return checkText(s) }

func checkPath(s string) (wrong, hint string) {
	if s == "" {
		return "an empty path", `"." is the root`
	}
	return checkText(s)
}

func checkPackage(s string) (wrong, hint string) {
	switch {
	case s == "":
		return "an empty package", `"." is the package in the root; remove the key to find it automatically`
	case strings.HasPrefix(s, "-"):
		return fmt.Sprintf("%q is a flag, not a package", s), "put flags for go build into build.flags"
	case strings.HasSuffix(s, "..."):
		return fmt.Sprintf("%q matches several packages; a program is built from one main package", s), "for several programs use [services.NAME]"
	case strings.ContainsAny(s, "\x00\n"):
		return "a control character is not allowed in a package", ""
	}
	return "", ""
}

func checkFlag(s string) (wrong, hint string) {
	name, _, _ := strings.Cut(strings.TrimPrefix(s, "-"), "=")
	switch name = "-" + strings.TrimPrefix(name, "-"); {
	case s == "":
		return "an empty flag", ""
	case !strings.HasPrefix(s, "-"):
		return checkText(s) // the value of the flag before it
	case name == "-o":
		return "-o is set by hotreload, which names each binary itself", "use build.command and build.output to build elsewhere"
	case name == "-C":
		return "-C would change what all paths are relative to", "run hotreload with --dir"
	}
	return checkText(s)
}

func checkTag(s string) (wrong, hint string) {
	if s == "" {
		return "an empty build tag", ""
	}
	if strings.ContainsAny(s, ", ") {
		parts := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
		return fmt.Sprintf("%q is more than one build tag", s), "tags = [" + quoteList(parts) + "]"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !isTagRune(r) }) {
		return fmt.Sprintf("%q is not a build tag: letters, digits, _ and . are expected", s), ""
	}
	return "", ""
}

func isTagRune(r rune) bool {
	return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
}

// checkHost wants a name as a browser sends it in Host, without the port; a dot before it means all
// names below.
func checkHost(s string) (wrong, hint string) {
	name := strings.TrimPrefix(s, ".")
	switch host, _, err := net.SplitHostPort(name); {
	case strings.Contains(s, "*"):
		return fmt.Sprintf("%q is a pattern; a host name is expected", s), `".example.com" admits all names below example.com`
	case strings.Contains(s, "://"):
		u, err := url.Parse(s)
		if err == nil && u.Hostname() != "" {
			hint = "without scheme and path: " + strconv.Quote(u.Hostname())
		}
		return fmt.Sprintf("%q is a URL; a host name is expected", s), hint
	case err == nil && host != "":
		return fmt.Sprintf("%q has a port; a host name is expected", s), strconv.Quote(strings.TrimSuffix(s, s[strings.LastIndex(s, ":"):]))
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isHostRune(r) }):
		return fmt.Sprintf("%q is not a host name", s), ""
	}
	return "", ""
}

func isHostRune(r rune) bool { return r == '-' || r == ':' || isTagRune(r) } // a colon: an IPv6 address

func checkVariable(name string) (wrong, hint string) {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return fmt.Sprintf("%q cannot be the name of an environment variable", name), ""
	}
	return "", ""
}

func validPort(s string, lowest int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= lowest && n <= 65535 && s[0] != '+'
}

// checkAddress wants host:port to listen on; an empty host is every interface.
func checkAddress(s string) (wrong, hint string) { return checkHostPort(s, 0) }

// checkTarget wants host:port to connect to.
func checkTarget(s string) (wrong, hint string) { return checkHostPort(s, 1) }

func checkHostPort(s string, lowest int) (wrong, hint string) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		switch {
		case validPort(s, lowest):
			hint = strconv.Quote("127.0.0.1:" + s)
		case strings.Contains(s, "://"):
			if u, err := url.Parse(s); err == nil && u.Port() != "" {
				hint = "without scheme and path: " + strconv.Quote(u.Host)
			}
		case strings.Count(s, ":") > 1:
			hint = "put an IPv6 address in brackets: \"[::1]:8080\""
		}
		return fmt.Sprintf("%q is not an address: expected host:port, like \"127.0.0.1:8080\"", s), hint
	}
	if !validPort(port, lowest) {
		return fmt.Sprintf("%q has no port between %d and 65535", s, lowest), ""
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || strings.ContainsRune("/?#@=[]\"'\\", r) }) {
		return fmt.Sprintf("%q is not an address: %q cannot be a host", s, host), ""
	}
	return "", ""
}

// checkListen wants an address to listen on; https:// before it means TLS.
func checkListen(s string) (wrong, hint string) {
	return checkAddress(strings.TrimPrefix(s, "https://"))
}

func checkApp(s string) (wrong, hint string) {
	if s == AutoApp {
		return "", ""
	}
	wrong, hint = checkTarget(strings.TrimPrefix(s, "https://"))
	if wrong != "" && hint == "" {
		hint = `"auto" gives the program a free port as $PORT`
	}
	return wrong, hint
}

// checkLoopback refuses addresses that others can reach: who reaches the control API
// can make this machine build and run.
func checkLoopback(s string) (wrong, hint string) {
	if wrong, hint = checkAddress(s); wrong != "" {
		return wrong, hint
	}
	host, port, _ := net.SplitHostPort(s)
	if isLoopback(host) {
		return "", ""
	}
	return fmt.Sprintf("%q can be reached from other machines: only a loopback address is allowed", s), strconv.Quote("127.0.0.1:" + port)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func checkSocket(s string) (wrong, hint string) {
	if _, err := parseSocket(s); err != nil {
		hint = `"127.0.0.1:8080", "name=:9090" or "unix:/run/x.sock"`
		if validPort(s, 1) {
			hint = strconv.Quote("127.0.0.1:" + s)
		}
		return err.Error(), hint
	}
	return "", ""
}

func checkReady(s string) (wrong, hint string) {
	_, err := parseReady(s)
	if err == nil {
		return "", ""
	}
	switch {
	case errors.Is(err, errUnit):
		hint = `"300ms"`
	case strings.HasPrefix(s, "https://"):
		hint = "TLS is not supported: \"tcp:ADDR\" waits until the port accepts connections"
	default:
		if _, _, e := net.SplitHostPort(s); e == nil {
			hint = strconv.Quote("tcp:" + s)
		} else if n := nearest(s, []string{"notify", "exit"}); n != "" {
			hint = didYouMean(n)
		}
	}
	return err.Error(), hint
}

func checkSignal(s string) (wrong, hint string) {
	if slices.Contains(signalNames, s) {
		return "", ""
	}
	if up := strings.ToUpper(s); slices.Contains(signalNames, up) {
		hint = up
	} else if slices.Contains(signalNames, "SIG"+up) {
		hint = "SIG" + up
	} else {
		hint = nearest(s, signalNames)
	}
	if hint != "" {
		hint = didYouMean(hint)
	}
	return fmt.Sprintf("%q is not a signal: expected one of %s", s, strings.Join(signalNames, ", ")), hint
}

func checkAnyGlob(s string) (wrong, hint string) {
	switch {
	case s == "":
		return "an empty glob", ""
	case strings.ContainsRune(s, 0):
		return "a null character is not allowed in a glob", ""
	case !doublestar.ValidatePattern(s):
		return fmt.Sprintf("%q is not a valid glob", s), globHint(s)
	case strings.HasPrefix(s, "!"):
		return fmt.Sprintf("%q: a glob cannot be negated", s), "list only what should match"
	case path.IsAbs(s) || len(s) > 2 && s[1] == ':' && (s[2] == '/' || s[2] == '\\'):
		return fmt.Sprintf("%q is absolute: globs are relative to the root", s), ""
	case !onlyEscapes(s, escapable):
		return fmt.Sprintf("%q: a \\ does not separate directories in a glob", s), slashHint
	}
	return "", ""
}

const slashHint = "use / in paths, also on Windows"

// onlyEscapes says whether each backslash takes the meaning from one of the characters. One before a
// letter means nothing in a glob, and was meant as a separator.
func onlyEscapes(glob, escapable string) bool {
	for i := 0; i < len(glob); i++ {
		if glob[i] != '\\' {
			continue
		}
		if i++; i >= len(glob) || strings.IndexByte(escapable, glob[i]) < 0 {
			return false
		}
	}
	return true
}

func globHint(s string) string {
	switch {
	case strings.Count(s, "[") > strings.Count(s, "]"):
		return "a [ without its ]; write \\\\[ for the character itself"
	case strings.Count(s, "{") != strings.Count(s, "}"):
		return "a { or } without its partner"
	case strings.HasSuffix(s, `\`):
		return slashHint
	}
	return ""
}

func checkExclude(s string) (wrong, hint string) { return checkAnyGlob(s) }

func tidyExclude(s string) string { return strings.TrimRight(tidyGlob(s), "/") }

func checkGlob(s string) (wrong, hint string) {
	if wrong, hint = checkAnyGlob(s); wrong != "" {
		return wrong, hint
	}
	if strings.HasSuffix(s, "/") {
		return fmt.Sprintf("%q matches no file", s), strconv.Quote(s + "**")
	}
	return "", ""
}

func tidyGlob(s string) string {
	for strings.HasPrefix(s, "./") {
		s = strings.TrimLeft(s[1:], "/")
	}
	return s
}
