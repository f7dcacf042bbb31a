package scaffold

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hotreload/hotreload/internal/config"
)

const airPage = "../../docs/from-air.md"

// C6: the page has a row for every key of the two tools, and no other; it says what the
// translation says, and names keys that there are.
func TestAirPage(t *testing.T) {
	data, err := os.ReadFile(airPage)
	if err != nil {
		t.Fatal(err)
	}
	_, air, _ := strings.Cut(string(data), "\n## Every key of Air\n")
	air, fresh, found := strings.Cut(air, "\n## Every key of Fresh\n")
	if !found {
		t.Fatal("no table of each tool")
	}
	ours := map[string]bool{}
	for _, k := range config.Keys() {
		ours[k.Name] = true
	}
	named := regexp.MustCompile("`((?:watch|build|run|proxy|rules|log|control)\\.[a-z_]+)[^`]*`")
	for _, table := range []struct {
		tool, text string
		reasons    map[string]string
	}{{"Air", air, reasons}, {"Fresh", fresh, freshReasons}} {
		seen := map[string]bool{}
		for line := range strings.Lines(table.text) {
			cells := strings.SplitN(strings.ReplaceAll(strings.Trim(line, "| \n"), `\|`, "\x00"), "|", 2)
			if !strings.HasPrefix(line, "| `") || len(cells) != 2 {
				continue
			}
			keys, becomes := strings.Split(cells[0], ","), strings.ReplaceAll(cells[1], "\x00", "|")
			for _, key := range keys {
				key = strings.Trim(key, " `")
				reason, known := table.reasons[key]
				switch {
				case !known:
					t.Errorf("%s has no key %s", table.tool, key)
				case seen[key]:
					t.Errorf("%s: %s has two rows", table.tool, key)
				case reason != "" && strings.TrimSpace(becomes) != reason:
					t.Errorf("%s: %s: the page says %q, init says %q", table.tool, key, becomes, reason)
				case reason == "" && key != "root" && !slices.ContainsFunc(named.FindAllStringSubmatch(becomes, -1), func(m []string) bool { return ours[m[1]] }):
					t.Errorf("%s: %s: no key of ours is named in %q", table.tool, key, becomes)
				}
				seen[key] = true
			}
			for _, m := range named.FindAllStringSubmatch(becomes, -1) {
				if _, old := table.reasons[m[1]]; !ours[m[1]] && !old {
					t.Errorf("there is no key %s: %s", m[1], line)
				}
			}
		}
		for key := range table.reasons {
			if !seen[key] {
				t.Errorf("%s: no row for %s", table.tool, key)
			}
		}
	}
}
