package e2e

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secret is in every env file of these tests, and must be printed nowhere.
const secret = "hunter2"

// quietAbout makes sure that nothing of the session, nor of its commands, tells the secret.
func (s *session) quietAbout(secret string) {
	s.t.Helper()
	said := s.dump() + s.command("status", "--json")
	for _, e := range s.since(0) {
		said += e.line
	}
	if strings.Contains(said, secret) {
		s.t.Errorf("the secret is printed:\n%s", said)
	}
}

// problemWith waits for the problem with a file, and returns it.
func (s *session) problemWith(text string) ev {
	s.t.Helper()
	return s.wait("the problem: "+text, func(e ev) bool { return e.Event == "problem" && strings.Contains(e.str("message"), text) })
}

// fixed waits for the word that a file is right again.
func (s *session) fixed(name string) ev {
	s.t.Helper()
	return s.wait("fixed", func(e ev) bool {
		return e.Event == "changed" && e.str("why") == "fixed" && filepath.Base(e.strs("paths")[0]) == name
	})
}

func withFiles(files map[string]string, more ...string) map[string]string {
	out := maps.Clone(files)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// E5: a mistake in an env file is found before the program is stopped, with file and line and
// without what is written there; the last good values stay in force, for a save of Go code
// too; and the repair is reported, and restarts only if it makes a difference.
func TestE5EnvFile(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, withFiles(webApp, ".env", "COLOR=red\nPASSWORD="+secret+"\n")), []string{"--color", "never"})
	env := filepath.Join(w.dir, ".env")
	before := w.answer()
	for name, c := range map[string]struct{ text, place string }{
		"a quote that is not closed": {"COLOR=red\nPASSWORD=\"" + secret + "\n", ".env:2: "},
		"no name":                    {"COLOR=red\n\n" + secret + "\n", ".env:3: expected NAME=value"},
		"UTF-16":                     {"\xff\xfeC\x00=\x00" + secret, ".env: is UTF-16"},
		"a NUL byte":                 {"COLOR=" + secret + "\x00\n", ".env:1: there is a NUL byte"},
		"too large":                  {"COLOR=" + strings.Repeat(secret, 1<<18), ".env: is larger than 1 MiB"},
		"a long value":               {"COLOR=" + strings.Repeat(secret, 1<<15), ".env:1: the value is too long"},
	} {
		mark := w.mark()
		replaceFile(t, env, c.text) // a large one is not written in one go
		if p := w.problemWith(".env:"); !strings.HasPrefix(p.str("message"), c.place) || p.str("hint") == "" {
			t.Errorf("%s: %s", name, p.line)
		}
		w.untouched(mark, before)
		if n := count(w.since(mark), "problem"); n != 1 {
			t.Errorf("%s: reported %d times", name, n)
		}
		mark = w.mark()
		replaceFile(t, env, "# the same values\nCOLOR=red\nPASSWORD="+secret+"\n")
		w.fixed(".env")
		w.untouched(mark, before)
		if !strings.Contains(w.err.String(), "fixed   .env") {
			t.Errorf("%s: the repair is not printed", name)
		}
	}
	// Go code is built and started with the last good values.
	replaceFile(t, env, "COLOR=\"blue\nPASSWORD="+secret+"\n")
	w.problemWith(".env:1")
	w.setVersion("two")
	w.live()
	if a, color := w.answer(), w.get(w.addr, "/env?COLOR"); a.version != "two" || color != "red true" {
		t.Errorf("%+v, COLOR is %q", a, color)
	}
	mark := w.mark()
	replaceFile(t, env, "COLOR=\"blue\"\nPASSWORD="+secret+"\n")
	w.fixed(".env")
	w.live()
	w.settle()
	if color := w.get(w.addr, "/env?COLOR"); color != "blue true" {
		t.Errorf("COLOR is %q", color)
	}
	if n := count(w.since(mark), "started"); n != 1 {
		t.Errorf("%d starts", n)
	}
	// What Windows editors write is no mistake.
	replaceFile(t, env, "\uFEFFCOLOR=green\r\nPASSWORD="+secret+"\r\n")
	w.live()
	if color := w.get(w.addr, "/env?COLOR"); color != "green true" {
		t.Errorf("COLOR is %q", color)
	}
	w.quietAbout(secret)
}

// E5: what goes by the name of an env file and is none hangs nothing and stops nothing.
func TestE5EnvFileIsNoFile(t *testing.T) {
	t.Parallel()
	w := startWeb(t, newApp(t, withFiles(webApp, ".env", "COLOR=red\n")), nil)
	env := filepath.Join(w.dir, ".env")
	before := w.answer()
	ways := map[string]func(path string) error{"is a directory": func(p string) error { return os.Mkdir(p, 0o755) }}
	maps.Copy(ways, noFiles)
	for text, put := range ways {
		mark := w.mark()
		tmp := env + ".tmp"
		if err := errors.Join(os.Rename(env, tmp), put(env)); err != nil {
			t.Fatal(err)
		}
		w.problemWith(".env: " + text)
		w.untouched(mark, before)
		mark = w.mark()
		if err := errors.Join(os.Remove(env), os.Rename(tmp, env)); err != nil {
			t.Fatal(err)
		}
		w.fixed(".env")
		w.untouched(mark, before)
	}
}

// E5: with a mistake in the env file at the first start nothing is started, and the repair
// starts it.
func TestE5EnvFileAtTheStart(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", "")+sleeper("b", "run.env_files = []"), ".env", "A=1\nPASSWORD='"+secret+"\n"), nil)
	p := s.problemWith(".env:2: ")
	if p.Service != "a" {
		t.Errorf("%s", p.line)
	}
	s.each("live", "b")
	s.settle()
	if pid := s.pids()["a"]; pid != 0 {
		t.Errorf("pid %d", pid)
	}
	s.quietAbout(secret)
	write(t, filepath.Join(s.dir, ".env"), "A=1\nPASSWORD='"+secret+"'\n")
	s.fixed(".env")
	s.each("live", "a")
	if n := count(s.since(0), "started"); n != 2 {
		t.Errorf("%d starts", n)
	}
	s.quietAbout(secret)
}

// E5: a file that a rule names and that was right before: as with an env file. One that never
// was right is the program's affair.
func TestE5RuleFile(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, sleeper("a", `rules = [{ paths = ["*.json", "*.toml", "plain.txt"], command = `+does("join conf.json|seen")+` }]`),
		"conf.json", `{"a": 1}`, "conf.toml", "a = 1\n", "comments.json", "// a comment\n{}", "plain.txt", "{}"), nil)
	s.each("live", "a")
	pid := s.pids()["a"]
	at := func(name string) string { return filepath.Join(s.dir, name) }
	for name, c := range map[string]struct{ broken, place, right string }{
		"conf.json": {"{\"a\": 1,\n  \"b\": " + secret + "}", "conf.json:2: ", `{"a": 2}`},
		"conf.toml": {"a = 1\nb = " + secret + "\n", "conf.toml:2: ", "a = 2\n"},
	} {
		mark := s.mark()
		write(t, at(name), c.broken)
		if p := s.problemWith(name); !strings.HasPrefix(p.str("message"), c.place) {
			t.Errorf("%s", p.line)
		}
		s.settle()
		if now := s.pids()["a"]; now != pid || count(s.since(mark), "started") > 0 {
			t.Errorf("%s: pid %d, was %d", name, now, pid)
		}
		write(t, at(name), c.right)
		s.fixed(name)
		s.each("live", "a")
		now := s.pids()["a"]
		if now == pid {
			t.Errorf("%s: not restarted", name)
		}
		pid = now
	}
	if strings.Contains(read(t, at("seen")), secret) {
		t.Error("the rule's command has seen the mistake")
	}
	mark := s.mark()
	for _, name := range []string{"comments.json", "plain.txt"} {
		write(t, at(name), "// another\n{")
		s.each("live", "a")
	}
	if n := count(s.since(mark), "problem"); n != 0 {
		t.Errorf("%d problems", n)
	}
	s.quietAbout(secret)
}

// L16: of several env files a later one wins, and one that does not exist is no mistake.
func TestL16EnvFiles(t *testing.T) {
	t.Parallel()
	s := start(t, shell(t, "[services.a]\nrun.env_files = [\"one\", \"none\", \"two\"]\nrun.command = "+does("echo up $A $B $C", "wait")+"\n",
		"one", "A=1\nB=1\n", "two", "B=2\nC=2\n"), nil, withEnv("C=0"))
	until(t, "the values", func() bool { return strings.Contains(s.out.String(), "up 1 2 0\n") })
}
