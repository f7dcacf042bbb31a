package cli

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"strings"

	"github.com/hotreload/hotreload/internal/config"
)

// autoProxy is --proxy without an address. The help shows it: --proxy[=ADDR].
const autoProxy = "ADDR"

// proxyFlag is the value of --proxy.
type proxyFlag string

func (f *proxyFlag) Set(s string) error { *f = proxyFlag(s); return nil }
func (f *proxyFlag) String() string     { return string(*f) }

// Type implements pflag.Value. The help would quote the address of a string.
func (f *proxyFlag) Type() string { return "address" }

// checkProxy reads --proxy, and refuses what it cannot mean.
func (o *runOptions) checkProxy(given bool) error {
	switch {
	case !given:
		o.proxy = ""
		return nil
	case o.once:
		return usageError(advise("leave one of the two out", "--once runs the program without a proxy, so --proxy has no effect"))
	case o.proxy == autoProxy && addressLike(o.pkg):
		return usageError(advise("--proxy="+o.pkg, "%q is an address, not a package: --proxy needs = before it", o.pkg))
	case o.proxy == autoProxy:
		return nil
	case o.proxy == "":
		return usageError(advise("--proxy alone takes a free port", "--proxy= without an address"))
	}
	if _, err := strconv.ParseUint(string(o.proxy), 10, 16); err == nil {
		o.proxy = "127.0.0.1:" + o.proxy
	}
	var wrong config.Errors
	if err := config.Default().Set("proxy.listen=" + string(o.proxy)); errors.As(err, &wrong) {
		for _, e := range wrong {
			e.Path = "--proxy"
		}
		return usageError(wrong)
	}
	return nil
}

// addressLike reports whether an argument is a port, or ends in one.
func addressLike(arg string) bool {
	_, err := strconv.ParseUint(arg[strings.LastIndexByte(arg, ':')+1:], 10, 16)
	return err == nil
}

// addProxy gives the program the proxy of --proxy. An address on the command line overrides the
// config; without one, that of the config stays.
func (o *runOptions) addProxy(p *project) (err error) {
	if o.proxy == "" {
		return nil
	}
	if err := o.checkSeveral(p.conf.ForServices()); err != nil {
		return err
	}
	if o.project.proxy = string(o.proxy); o.proxy == autoProxy {
		o.project.proxy = ""
		if o.project.proxyElse, err = freeAddress(p.conf.Root); err != nil {
			return err
		}
	}
	p.conf, err = p.load()
	return err
}

// The ports of freeAddress: no system gives them to outgoing connections, and no browser refuses
// them.
const (
	firstProxyPort = 11000
	proxyPorts     = 9000
)

// freeAddress is an address for the proxy of a project. It is the same each time while it is free,
// so open tabs and bookmarks work in the next session too.
func freeAddress(root string) (string, error) {
	h := fnv.New32a()
	h.Write([]byte(root))
	for i := range uint32(20) {
		addr := fmt.Sprintf("127.0.0.1:%d", firstProxyPort+(h.Sum32()+i)%proxyPorts)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free port for the proxy: %w", err)
	}
	l.Close()
	return l.Addr().String(), nil
}
