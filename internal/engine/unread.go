package engine

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hotreload/hotreload/internal/event"
)

// dataKinds are endings of files that programs read while they run. What is for people, or
// for other tools, is not among them: a hint that is wrong twice is not read a third time.
var dataKinds = []string{
	".html", ".htm", ".gohtml", ".tmpl", ".gotmpl", ".tpl", ".mustache", ".hbs", ".xml",
	".json", ".yaml", ".yml", ".toml", ".ini", ".properties", ".sql", ".graphql", ".po", ".mo", ".ftl",
	".css", ".js", ".csv",
}

// toolFiles are files of these kinds that tools read, and directories that hold nothing else.
var toolFiles = []string{
	"package.json", "package-lock.json", "tsconfig.json", "jsconfig.json", "components.json", "renovate.json", "turbo.json",
	"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "Taskfile.yml", "Taskfile.yaml",
	"buf.yaml", "buf.gen.yaml", "buf.work.yaml", "sqlc.yaml", "sqlc.yml", "sqlc.json", "gqlgen.yml", "skaffold.yaml",
	"pnpm-lock.yaml", "pnpm-workspace.yaml", "mkdocs.yml", "codecov.yml",
	"testdata", "docs", "doc", "node_modules", "vendor", "deploy", "k8s", "charts", "helm", "test", "tests", "e2e",
}

// isData reports whether a program may read the file while it runs. It is below the root.
func (e *Engine) isData(path string) bool {
	rel, ok := e.slashRel(path)
	if !ok || strings.HasPrefix(rel, "../") || !slices.Contains(dataKinds, strings.ToLower(filepath.Ext(path))) {
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

// explainUnread says, once per directory, that a save of such a file does nothing, because
// nothing tells that a program reads it.
func (i *inspector) explainUnread(path string) {
	dir := filepath.Dir(path)
	if i.silent[dir] {
		return
	}
	i.silent[dir] = true
	i.e.say(event.Problem{
		Message: i.e.rel(path) + " has changed, and nothing follows: no program is built from it, no rule names it, and no code opens it by a literal name",
		Hint:    "if a program reads it while it runs, add a rule for " + filepath.ToSlash(filepath.Join(i.e.rel(dir), "*"+filepath.Ext(path))) + " (effect = \"restart\")",
	})
}
