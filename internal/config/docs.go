package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// typeDocs says what each type is called on the page, and how its values are written.
var typeDocs = []struct{ typ, name, doc string }{
	{typeString, "string", "Text in quotes."},
	{typeBool, "true or false", "Without quotes."},
	{typeOneOf, "one of", "One of the values that are listed, in quotes."},
	{typeDuration, "duration", `Text with a unit: "50ms", "2s", "1m30s". A number without one is an error.`},
	{typeStrings, "list of strings", `["a", "b"]. A list replaces the inherited or default one as a whole.`},
	{typeGlobs, "list of globs", `Patterns relative to the root, with slashes on every system: * within a name, ** for any number of directories, {a,b} for a choice.`},
	{typePaths, "list of paths", "Files or directories, relative to the root."},
	{typeArgv, "list of arguments", "Passed on as they are; no shell looks at them."},
	{typeCommand, "command", `A list of arguments, ["make", "build"], which meets no shell; or one string, "cd web && make", for the shell.`},
	{typeCommands, "list of commands", `Each as above: ["go generate ./...", ["templ", "generate"]].`},
	{typeVariables, "table of strings", `Environment variables: { NAME = "value" }. Those of a service are merged with the inherited ones by name; "" sets an empty value.`},
	{typeAddress, "address", `"host:port"; without a host, ":8080", it is every interface.`},
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

// Docs is docs/configuration.md: what Example and Schema say, for reading.
func Docs() []byte {
	var b bytes.Buffer
	b.WriteString(docsHead)
	b.WriteString("| table | keys | for each service |\n|---|---|---|\n")
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
			b.WriteString("\n```toml\n[[rules]]\npaths = " + example("rules.paths") + "\neffect = \"restart\"\n```\n\nA service may have rules of its own, which replace these.\n")
		case inheritable(t.Name):
			fmt.Fprintf(&b, "\nEach service inherits these and may set its own: `%s.KEY = ...` in `[services.NAME]`.\n", t.Name)
		default:
			b.WriteString("\nOnce for the whole session; a service cannot set these.\n")
		}
		for _, s := range tableSpecs(t.Name) {
			fmt.Fprintf(&b, "\n### `%s`\n\n", s.Name)
			paragraph(&b, prose(s.Doc))
			b.WriteByte('\n')
			facts(&b, s, keyOf(s, t.Name))
		}
	}
	return b.Bytes()
}

const docsHead = `<!-- Made from internal/config by ` + "`make example`" + `; mend the descriptions there. -->
# Configuration: ` + "`.hotreload.toml`" + `

None of this is needed: ` + "`hotreload run`" + ` works without a file, and ` + "`hotreload init`" + ` writes a short one that fits the
project. The file is looked for in the current directory and above, up to the top of the Git repository, or outside of one
up to the ` + "`go.work`" + ` or ` + "`go.mod`" + `; the directory it is found in is the *root*, to which all
paths are relative. [.hotreload.toml.example](../.hotreload.toml.example) has every key with its default, to copy from.

- The file is checked strictly. An unknown key, a wrong type or a value that cannot be is an error with its place and the
  nearest key; nothing is guessed. ` + "`hotreload check`" + ` tells without starting anything, and prints what differs from the defaults.
- ` + "`--set KEY=VALUE`" + ` sets any key for one run, over the file: ` + "`hotreload run --set run.stop_timeout=1s`" + `. ` + "`--race`" + ` and ` + "`--tags`" + `
  are short for ` + "`build.race`" + ` and ` + "`build.tags`" + `, for every service; ` + "`--race=false`" + ` and ` + "`--tags=`" + ` override the file, too.
- Without a file and without a go.mod or go.work here or above, the modules below are searched: the only one with a program
  is taken, as with ` + "`-C`" + `; several are listed, each with the command that runs it.
- The file is applied when it is saved, with the least effect: [services.md](services.md#edits-of-the-config).
- ` + "`hotreload schema`" + ` prints a JSON Schema, with which editors complete and check the file
  ([editors-and-scripts.md](editors-and-scripts.md#the-config-in-the-editor)).

## A config is a program

` + "`build.before`" + `, ` + "`run.command`" + ` and the commands of rules run as whoever starts hotreload. Read the config of a project that you
do not know before you start it, as you would read its Makefile.

A config that was found, rather than named with ` + "`--config`" + `, is refused if somebody else may have written it: if the file or
its directory belongs to neither you nor root, or can be changed by others (every user, or a group that is not yours alone;
a directory like ` + "`/tmp`" + `, where everybody has files of their own, is no danger to a file of yours). For a link, its target and
the target's directory count too. Two things are accepted besides:

- What belongs to the owner of the directory in which you start hotreload (or of ` + "`--dir`" + `): you went there to run that
  user's program. So root in a container works on a project that belongs to a user of the host.
- What is no more open to others than the ` + "`go.mod`" + ` or ` + "`go.work`" + ` beside it: who can change that changes the program too.
  So mounts that show every file as open to everybody work.

` + "`--config FILE`" + ` insists: that file is used, whoever wrote it. Access control lists are not looked at, and on Windows nothing is:
a user's directories there cannot be written by others.

`

const docsServices = `A service has ` + "`build`, `run`, `proxy`, `hooks` and `rules`" + ` as above, and one key of its own. Its name consists of letters, digits,
` + "`-` and `_`" + `. More about it: [services.md](services.md).
`

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
		b.WriteString("- Must be given\n")
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

// literals are what stands for itself in a description: quoted values, placeholders,
// variables, globs.
var literals = regexp.MustCompile("`[^`]*`" + `|\["[^\]]*\]+|\{ ?\w+(?: = "[^"]*" ?)?\}|\{\w+,\w+\}|"[^"]*"|\$[A-Z_]+|\*+|\bname=`)

// prose makes Markdown of a description.
func prose(doc string) string {
	return literals.ReplaceAllStringFunc(doc, func(text string) string {
		if text[0] == '`' {
			return text
		}
		return code(text)
	})
}

func code(text string) string { return "`" + text + "`" }

// paragraph writes text in lines of at most 120 columns.
func paragraph(b *bytes.Buffer, text string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > 120 {
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
