package relevance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hotreload/hotreload/internal/event"
)

// dataKinds are endings of files that programs read while they run. What is for people, or
// for other tools, is not among them: a hint that is wrong twice is not read a third time.
var dataKinds = []string{
	".html", ".htm", ".gohtml", ".tmpl", ".gotmpl", ".tpl", ".mustache", ".hbs", ".xml",
	".json", ".yaml", ".yml", ".toml", ".ini", ".properties", ".sql", ".graphql", ".po", ".mo", ".ftl",
	".css", ".js", ".csv",
}

// generatorKinds are endings of files from which tools make Go code.
var generatorKinds = []string{".templ", ".qtpl", ".proto", ".graphqls"}

// toolFiles are files of these kinds that tools read, and directories that hold nothing else.
var toolFiles = []string{
	"package.json", "package-lock.json", "tsconfig.json", "jsconfig.json", "components.json", "renovate.json", "turbo.json",
	"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "Taskfile.yml", "Taskfile.yaml",
	"buf.yaml", "buf.gen.yaml", "buf.work.yaml", "sqlc.yaml", "sqlc.yml", "sqlc.json", "gqlgen.yml", "skaffold.yaml",
	"pnpm-lock.yaml", "pnpm-workspace.yaml", "mkdocs.yml", "codecov.yml",
	"testdata", "docs", "doc", "node_modules", "vendor", "deploy", "k8s", "charts", "helm", "test", "tests", "e2e",
}

// isData reports whether a program may read the file while it runs. It is below the root.
func isData(root, path string) bool {
	rel, ok := slashRel(root, path)
	if !ok || strings.HasPrefix(rel, "../") || !slices.Contains(dataKinds, fileKind(path)) && !slices.Contains(generatorKinds, fileKind(path)) {
		return false
	}
	for _, elem := range strings.Split(rel, "/") {
		name := strings.ToLower(elem)
		if strings.HasPrefix(name, ".") || slices.Contains(toolFiles, elem) || strings.Contains(name, ".config.") || strings.HasPrefix(name, "docker-compose.") {
			return false
		}
	}
	return true
}

func fileKind(path string) string { return strings.ToLower(filepath.Ext(path)) }

// generatorGrace is how long a tool that runs next to hotreload, such as `templ generate --watch`,
// may take to make Go code of a file that was saved.
const generatorGrace = 2 * time.Second

// explainUnread says, once per directory, that a save of such a file does nothing, because
// nothing shows that a program reads it, or that anything makes Go code of it.
func (j *Judge) explainUnread(path string, at time.Time) {
	dir := filepath.Dir(path)
	if j.burst.silent[dir] {
		return
	}
	j.burst.silent[dir] = true
	glob := filepath.ToSlash(filepath.Join(j.rel(dir), "*"+filepath.Ext(path)))
	if !slices.Contains(generatorKinds, fileKind(path)) {
		j.say(event.Problem{
			Message: j.rel(path) + " changed without effect: no program is built from it, no rule names it, and no code opens it by a literal name",
			Hint:    "if a program reads it while it runs, " + j.addRule("a rule for "+glob+` (effect = "restart")`),
		})
		return
	}
	time.AfterFunc(generatorGrace, func() {
		entries, _ := os.ReadDir(dir)
		if slices.ContainsFunc(entries, func(f os.DirEntry) bool {
			return filepath.Ext(f.Name()) == ".go" && changedAt(filepath.Join(dir, f.Name()), time.Time{}).After(at)
		}) {
			return
		}
		j.say(event.Problem{
			Message: j.rel(path) + " changed without effect: no rule generates Go code from it",
			Hint:    j.addRule("a rule for " + glob + ` with the command that generates Go code from it (effect = "rebuild")`),
		})
	})
}

// addRule says how a rule comes into the config.
func (j *Judge) addRule(rule string) string {
	if j.conf.Load().Path == "" {
		return "`hotreload init` writes a config, with the rules that it finds; or add " + rule
	}
	return "add " + rule
}
