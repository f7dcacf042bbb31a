package watchinfo

import (
	"os"
	"strconv"
	"strings"
)

// fsType finds the mount that path lies on: the longest mount point above it,
// and of several at one point the last. A device number does not do: btrfs and
// overlayfs show another one than mountinfo.
func fsType(path, mountinfo string) string {
	if mountinfo == "" {
		mountinfo = "/proc/self/mountinfo"
	}
	text, err := os.ReadFile(mountinfo)
	if err != nil {
		return ""
	}
	best, typ := "", ""
	for line := range strings.Lines(string(text)) {
		// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
		left, right, ok := strings.Cut(line, " - ")
		fields, tail := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(tail) < 1 {
			continue
		}
		point := unescapeMount(fields[4])
		below := strings.HasPrefix(path, strings.TrimSuffix(point, "/")+"/")
		if (below || point == path) && len(point) >= len(best) {
			best, typ = point, tail[0]
		}
	}
	return typ
}

// unescapeMount undoes the octal escapes of space, tab, newline and backslash.
func unescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
