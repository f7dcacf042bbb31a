package watcher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// E3, W10: links to directories that the scope asks for are followed, under the link's name:
// outside the tree and inside, links in what a link leads to, directories that come later. Loops
// end, and a link that is turned, removed or made changes what it names.
func TestLinkedDirectories(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		base := tempDir(t)
		root := filepath.Join(base, "root")
		plant(t, base, map[string]string{
			"root/real/c.html": "1", "root/a.go": "1", "ext/a.html": "1", "ext/a.txt": "1", "ext2/a.html": "2", "ext2/x.html": "1",
			"ext3/n.html": "1", "big/deep/er/b.html": "1",
		})
		link := func(target, name string) {
			t.Helper()
			symlink(t, target, filepath.Join(root, "#link#"))
			rename(t, filepath.Join(root, "#link#"), filepath.Join(root, name))
		}
		link("../ext", "tmpl")
		link("real", "in")
		link("../big", "not") // which is not asked for
		link(".", "self")
		symlink(t, "..", filepath.Join(root, "real", "up"))
		symlink(t, "../../ext", filepath.Join(root, "real", "tmpl"))
		symlink(t, "../ext2", filepath.Join(base, "ext3", "l"))
		symlink(t, "../ext3", filepath.Join(base, "ext2", "l"))
		o.Scope = Scope{
			Trees: []string{root},
			Keep:  func(f string, why Skip) bool { return strings.HasSuffix(f, ".html") && why == SkipLink },
			Enter: func(d string, why Skip) bool { return !strings.HasSuffix(d, "/not") && why == SkipLink },
		}
		s := watch(t, o)
		s.root = root
		s.hashed()
		write(t, filepath.Join(base, "ext/a.html"), "2")
		write(t, filepath.Join(base, "ext/a.txt"), "2")
		write(t, filepath.Join(base, "big/deep/er/b.html"), "2")
		s.expect("tmpl/a.html", "real/tmpl/a.html", "in/tmpl/a.html")
		plant(t, base, map[string]string{"ext/sub/er/b.html": "1"})
		s.expect("+tmpl/sub/er/b.html", "+real/tmpl/sub/er/b.html", "+in/tmpl/sub/er/b.html")
		write(t, filepath.Join(root, "real/c.html"), "2")
		s.expect("in/c.html", "real/c.html")
		must(t, os.Remove(filepath.Join(root, "real", "tmpl")))
		s.expect("-real/tmpl/a.html", "-real/tmpl/sub/er/b.html", "-in/tmpl/a.html", "-in/tmpl/sub/er/b.html")

		link("../ext2", "tmpl") // turned: a.html holds the same there
		s.expect("+tmpl/x.html", "-tmpl/sub/er/b.html", "+tmpl/l/n.html")
		s.hashed()
		write(t, filepath.Join(base, "ext3/n.html"), "2")
		s.expect("tmpl/l/n.html")
		write(t, filepath.Join(base, "ext/a.html"), "3") // where it led before
		s.expect()
		must(t, os.Remove(filepath.Join(root, "tmpl")))
		s.expect("-tmpl/a.html", "-tmpl/x.html", "-tmpl/l/n.html")
		must(t, os.RemoveAll(filepath.Join(base, "ext")))
		link("../ext", "tmpl") // to nothing so far
		s.expect()
		plant(t, base, map[string]string{"prepared/a.html": "4"})
		rename(t, filepath.Join(base, "prepared"), filepath.Join(base, "ext"))
		s.do(func(t *tree) { t.check() }) // every two seconds: nothing outside is watched for it
		s.expect("+tmpl/a.html")
		link("../ext2", "late")
		s.expect("+late/a.html", "+late/x.html", "+late/l/n.html")
		write(t, filepath.Join(base, "ext2/x.html"), "2")
		s.expect("late/x.html")

		w := s.w
		for path, want := range map[string]string{
			"late/x.html": "", "late/x.txt": "a link to a directory", "not/deep/er/b.html": "a link to a directory", "real/c.html": "",
		} {
			why, ignored := w.Ignored(filepath.Join(root, path))
			if ignored != (want != "") || !strings.Contains(why, want) {
				t.Errorf("%s: %q, %v", path, why, ignored)
			}
		}
	})
}

// E3: a link that is turned, made, removed or replaced just before SetScope is a change all the same; what another scope
// asks for is none.
func TestLinkBesideSetScope(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, o Options) {
		base := tempDir(t)
		root := filepath.Join(base, "root")
		plant(t, base, map[string]string{
			"root/a.go": "1", "root/file": "1", "ext/a.html": "1", "ext2/a.html": "2", "ext2/x.html": "1", "more/m.html": "1",
		})
		link := func(target, name string) {
			t.Helper()
			symlink(t, target, filepath.Join(root, "#link#"))
			rename(t, filepath.Join(root, "#link#"), filepath.Join(root, name))
		}
		for _, name := range []string{"turned", "removed", "replaced"} {
			link("../ext", name)
		}
		link("../more", "unwanted")
		scope := func(more string) Scope {
			return Scope{
				Trees: []string{root},
				Keep:  func(f string, why Skip) bool { return strings.HasSuffix(f, ".html") && why == SkipLink },
				Enter: func(d string, why Skip) bool {
					return why == SkipLink && (filepath.Base(d) != "unwanted" || more == "unwanted")
				},
			}
		}
		o.Scope = scope("")
		s := watch(t, o)
		s.root = root
		s.hashed()
		s.do(func(tr *tree) { // it hears of the links after it has the other scope
			link("../ext2", "turned")
			link("../ext", "made")
			must(t, os.Remove(filepath.Join(root, "removed")))
			link("file", "replaced")
			tr.enter(scope("unwanted"))
		})
		s.expect("turned/a.html", "+turned/x.html", "+made/a.html", "-removed/a.html", "-replaced/a.html", "+replaced")
		s.hashed()
		s.do(func(tr *tree) { tr.enter(scope("")) })
		s.expect()
		link("../ext2", "replaced")
		s.expect("-replaced", "+replaced/a.html", "+replaced/x.html")
	})
}

// A link to everything does not become a watch of everything.
func TestTooMuchBehindALink(t *testing.T) {
	t.Parallel()
	base := memDir(t)
	root := filepath.Join(base, "root")
	mkdir(t, root)
	for i := range maxThrough + 10 {
		mkdir(t, filepath.Join(base, "ext", string(rune('a'+i%26)), strings.Repeat("x", 1+i/26)))
	}
	symlink(t, "../ext", filepath.Join(root, "all"))
	s := watch(t, Options{Backend: "poll", Scope: Scope{Trees: []string{root}, Enter: func(string, Skip) bool { return true }}})
	if n := s.notice("limit"); !strings.Contains(n.Message, "4096") {
		t.Errorf("notice: %+v", n)
	}
	_, dirs, _ := s.state()
	if len(dirs) > maxThrough+2 {
		t.Errorf("%d directories", len(dirs))
	}
}
