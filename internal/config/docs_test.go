package config

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// This page and the example are made by their tests (make example), because no command prints them.

const docsFile = "../../docs/configuration.md"

// typeDocs says what each type is called on the page, and how its values are written.
var typeDocs = []struct{ typ, name, doc string }{
	{typeString, "string", "Text in quotes."},
	{typeBool, "true or false", "Without quotes."},
	{typeOneOf, "one of", "One of the listed values, in quotes."},
	{typeDuration, "duration", `Text with a unit: "50ms", "2s", "1m30s". A number without one is an error.`},
	{typeStrings, "list of strings", `["a", "b"]. A list replaces the inherited or default one as a whole.`},
	{typeGlobs, "list of globs", `Patterns relative to the root, with slashes on every system: * matches within a name, ** matches any number of directories, {a,b} matches a or b.`},
	{typePaths, "list of paths", "Files or directories, relative to the root."},
	{typeArgv, "list of arguments", "Passed on unchanged, without a shell."},
	{typeCommand, "command", `A list of arguments, ["make", "build"], without a shell; or one string, "cd web && make", for the shell: sh, or on Windows cmd.exe, which takes one line.`},
	{typeCommands, "list of commands", `Each one a command as above: ["go generate ./...", ["templ", "generate"]].`},
	{typeVariables, "table of strings", `Environment variables: { NAME = "value" }. A service merges its own with the inherited ones by name. "" sets an empty value.`},
	{typeAddress, "address", `"host:port"; without a host, as in ":8080", it means all interfaces.`},
	{typeSockets, "list of sockets", `"host:port" or "unix:PATH", with an optional "name=" in front.`},
	{typeSignal, "signal", `Its name: "SIGTERM".`},
	{typeReady, "readiness", `"tcp:ADDR", "http://...", "notify", "log:REGEXP", "exit" or a duration.`},
}

func typeName(typ string) string {
	for _, t := range typeDocs {
		if t.typ == typ {
			return t.name
		}
	}
	return typ
}

// docsPage is docs/configuration.md: what the example and the schema say, for reading.
func docsPage() []byte {
	var b bytes.Buffer
	b.WriteString(docsHead)
	b.WriteString("## Keys\n\n| table | keys | per service |\n|---|---|---|\n")
	for _, t := range tables {
		var names []string
		for _, s := range tableSpecs(t.Name) {
			names = append(names, fmt.Sprintf("[`%s`](#%s)", keyOf(s, t.Name), anchor(s.Name)))
		}
		each := "no"
		if t.Name == "services.NAME" || inheritable(t.Name) {
			each = "yes"
		}
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", heading(t.Name), anchor(heading(t.Name)), strings.Join(names, ", "), each)
	}
	b.WriteString("\n## How values are written\n\n| type | written as |\n|---|---|\n")
	for _, t := range typeDocs {
		fmt.Fprintf(&b, "| %s | %s |\n", t.name, strings.ReplaceAll(prose(t.doc), "|", `\|`))
	}
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## `%s`\n\n", heading(t.Name))
		paragraph(&b, prose(t.Doc))
		switch {
		case t.Name == "services.NAME":
			b.WriteString("\n```toml\n" + uncommented(exampleServices) + "```\n\n" + docsServices)
		case t.Name == "rules":
			b.WriteString("\n```toml\n[[rules]]\npaths = " + example("rules.paths") + "\neffect = \"restart\"\n```\n\nEach service inherits these rules, even one that is not built. A service's own rules replace them.\n")
		case inheritable(t.Name):
			fmt.Fprintf(&b, "\nEach service inherits these keys and can override them: `%s.KEY = ...` in `[services.NAME]`.\n", t.Name)
		default:
			b.WriteString("\nThese keys apply to the whole session; a service cannot set them.\n")
		}
		for _, s := range tableSpecs(t.Name) {
			fmt.Fprintf(&b, "\n### `%s`\n\n", s.Name)
			paragraph(&b, prose(s.Doc))
			b.WriteByte('\n')
			facts(&b, s, keyOf(s, t.Name))
		}
	}
	b.WriteString(docsFoot)
	return b.Bytes()
}

const docsHead = `<!-- Generated from internal/config by ` + "`make example`" + `; edit the texts there. -->
# Configuration: ` + "`.hotreload.toml`" + `

You may not need a config: ` + "`hotreload run`" + ` works without one. ` + "`hotreload init`" + ` writes a short one
that fits your project. [.hotreload.toml.example](../.hotreload.toml.example) lists every key with
its default, to copy from.

- hotreload looks for the file in the current directory and its parents, up to the top of the Git
  repository. Outside a repository, it stops at the ` + "`go.work`" + ` or ` + "`go.mod`" + `. The directory of the file
  is the *root*; all paths are relative to it.
- The file is checked strictly. An unknown key, a wrong type or an invalid value is an error with
  its position; for an unknown key, the error names the closest one. ` + "`hotreload check`" + ` validates the
  file without starting anything, and prints what differs from the defaults.
- hotreload applies the file when you save it, and restarts only what the edit affects
  ([services.md](services.md#editing-the-config)).
- ` + "`--set KEY=VALUE`" + ` sets any key for one run and overrides the file:
  ` + "`hotreload run --set run.stop_timeout=1s`" + `. A list with one element needs no quotes or brackets:
  ` + "`--set build.flags=-trimpath`" + `. ` + "`--race`" + ` and ` + "`--tags`" + ` are short for ` + "`build.race`" + ` and ` + "`build.tags`" + `,
  for every service; ` + "`--race=false`" + ` and ` + "`--tags=`" + ` override the file too.
- If there is no config, ` + "`go.mod`" + ` or ` + "`go.work`" + ` in the current directory or its parents, hotreload
  searches the modules below. If only one of them has a program, it is used, as with ` + "`-C`" + `. If
  several do, hotreload lists them, each with the command to run it.
- ` + "`hotreload schema`" + ` prints a JSON Schema, so that editors can complete and check the file
  ([editors-and-scripts.md](editors-and-scripts.md#the-config-in-the-editor)).

## A config is a program

hotreload runs the commands in a config, such as ` + "`build.before`" + ` and ` + "`run.command`" + `, as your user.
Read the config of an unknown project before you start it, as you would read its Makefile.

hotreload refuses a config that someone else may have written. The file and its directory must
belong to you or to root, and no other user may be able to change them: neither all users nor a
group with other members. A directory like ` + "`/tmp`" + `, where users cannot change each other's files, is
fine. For a link, this applies to the target and its directory too. There are two exceptions:

- Files of the user who owns the directory in which you start hotreload (or ` + "`--dir`" + `) are accepted.
  This lets root in a container work on a project of a user on the host.
- A config may be as open to others as the ` + "`go.mod`" + ` or ` + "`go.work`" + ` next to it, because whoever can
  change those can change the program too. Mounts that show every file as writable therefore work.

` + "`--config FILE`" + ` skips these checks. Access control lists are not checked. On Windows, nothing is
checked, because other users cannot write to your directories there.

`

const docsServices = `A service has ` + "`build`" + `, ` + "`run`" + `, ` + "`proxy`" + `, ` + "`hooks`" + ` and ` + "`rules`" + ` as above, and one key of its own. Its
name consists of letters, digits, ` + "`-`" + ` and ` + "`_`" + `. See [services.md](services.md).
`

const docsFoot = "\nNext: [Commands](commands.md)\n"

// facts is the list under a key.
func facts(b *bytes.Buffer, s spec, key string) {
	kind := typeName(s.Type)
	if len(s.Values) > 0 {
		var values []string
		for _, v := range s.Values {
			values = append(values, code(quote(v)))
		}
		kind = "one of " + strings.Join(values, ", ")
	}
	fmt.Fprintf(b, "- Type: %s\n", kind)
	if def := defaultText(s.Name); def != "" {
		fmt.Fprintf(b, "- Default: %s\n", code(def))
	} else {
		b.WriteString("- Required\n")
	}
	fmt.Fprintf(b, "- Example: %s\n", code(key+" = "+s.Example))
}

func tableSpecs(table string) []spec {
	var out []spec
	for _, s := range specs {
		if strings.HasPrefix(s.Name, table+".") {
			out = append(out, s)
		}
	}
	return out
}

func keyOf(s spec, table string) string { return strings.TrimPrefix(s.Name, table+".") }

func heading(table string) string {
	if table == "rules" {
		return "[[rules]]"
	}
	return "[" + table + "]"
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9_-]`)

// anchor is the name that GitHub gives to a heading.
func anchor(text string) string { return notInAnchors.ReplaceAllString(strings.ToLower(text), "") }

func example(key string) string {
	for _, s := range specs {
		if s.Name == key {
			return s.Example
		}
	}
	return ""
}

func uncommented(text string) string {
	text = strings.ReplaceAll(text, "\n#\n", "\n\n")
	return regexp.MustCompile(`(?m)^#([^ #\n])`).ReplaceAllString(text, "$1")
}

// literals are what a description quotes literally: quoted values, placeholders,
// variables, globs.
var literals = regexp.MustCompile("`[^`]*`" + `|\["[^\]]*\]+|\{ ?\w+(?: = "[^"]*" ?)?\}|\{\w+,\w+\}|"[^"]*"|\$[A-Z_]+|\*+|\bname=`)

// prose makes Markdown of a description.
func prose(doc string) string {
	doc = pages.ReplaceAllString(doc, "[$1]($1)")
	return literals.ReplaceAllStringFunc(doc, func(text string) string {
		if text[0] == '`' {
			return text
		}
		return code(text)
	})
}

// pages are the pages that a description names; on this one, they are links.
var pages = regexp.MustCompile(`docs/([a-z-]+\.md)`)

func code(text string) string { return "`" + text + "`" }

// unbroken is what a line break never splits: a word, with the code in it.
var unbroken = regexp.MustCompile("(?:`[^`]*`|[^`\\s])+")

// paragraph writes text in lines of at most 100 columns.
func paragraph(b *bytes.Buffer, text string) {
	line := ""
	for _, word := range unbroken.FindAllString(text, -1) {
		if line != "" && len(line)+1+len(word) > 100 {
			b.WriteString(line + "\n")
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}

// The page has every key with what is known of it, and is what the code says.
func TestDocs(t *testing.T) {
	if *update {
		if err := os.WriteFile(docsFile, docsPage(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	onDisk, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(onDisk, docsPage()) {
		t.Errorf("%s is out of date: make example\n%s", docsFile, cmp.Diff(string(docsPage()), string(onDisk)))
	}
	explained := map[string]bool{}
	for _, d := range typeDocs {
		explained[d.typ] = true
	}
	anchors := map[string]string{}
	for _, k := range Keys() {
		_, section, found := strings.Cut(string(onDisk), "\n### `"+k.Name+"`\n")
		section, _, _ = strings.Cut(section, "\n##")
		if !found {
			t.Errorf("%s: no section", k.Name)
			continue
		}
		_, key, _ := strings.Cut(strings.TrimPrefix(k.Name, "services.NAME"), ".")
		wants := append([]string{"\n- Example: `" + key + " = " + k.Example + "`\n"}, k.Values...)
		if k.Default != "" {
			wants = append(wants, "\n- Default: `"+k.Default+"`\n")
		}
		for _, want := range wants {
			if !strings.Contains(section, want) {
				t.Errorf("%s: no %q in\n%s", k.Name, want, section)
			}
		}
		if !explained[k.Type] {
			t.Errorf("%s: type %q is not explained", k.Name, k.Type)
		}
		if other := anchors[anchor(k.Name)]; other != "" {
			t.Errorf("%s and %s have one anchor", k.Name, other)
		}
		anchors[anchor(k.Name)] = k.Name
	}
	for line := range strings.Lines(string(onDisk)) {
		if strings.Count(strings.ReplaceAll(line, "```", ""), "`")%2 != 0 {
			t.Errorf("code without an end: %s", line)
		}
	}
}
