package gocmd

import (
	"encoding/json"
	"os"
	"strings"
)

// ToolVariables are what the go command has in its environment, and so gives to its tools, wherever it is set (go env -w).
var ToolVariables = []string{"GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "GOFIPS140", "CC", "CXX", "AR", "CGO_ENABLED", "GO386",
	"GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM"}

// TraceVariables are read by the compiler or the go command without being settings of Go: they make them do or print
// something else. go env does not know them.
var TraceVariables = []string{"GOCLOBBERDEADHASH", "GOSSAFUNC", "GOSSADIR", "GOCOMPILEDEBUG", "GO_BUILDER_NAME"}

// EnvArgs are the arguments that ask the go command for its settings.
func EnvArgs(names ...string) []string { return append([]string{"env", "-json"}, names...) }

// Env is the answer. It is a map, because who asks says which settings are needed; the go command does not know all of
// them in every version.
type Env map[string]string

// ParseEnv reads what the go command prints for [EnvArgs].
func ParseEnv(text []byte) (Env, error) {
	e := Env{}
	return e, json.Unmarshal(text, &e)
}

// Mod is the go.mod of the main module; "" outside of a module. Needs GOMOD.
func (e Env) Mod() string {
	if e["GOMOD"] == os.DevNull {
		return ""
	}
	return e["GOMOD"]
}

// Work is the go.work in use; "" if there is none, or it is switched off. Needs GOWORK.
func (e Env) Work() string {
	if e["GOWORK"] == "off" {
		return ""
	}
	return e["GOWORK"]
}

// InModule says whether there is a module or a workspace. Needs GOMOD and GOWORK.
func (e Env) InModule() bool { return e.Work() != "" || e.Mod() != "" }

// Version is GOVERSION without what surrounds the number: "devel go1.27-ab12 Mon Jan 2", "go1.26.1 X:simd".
func (e Env) Version() string { return Version(e["GOVERSION"]) }

// Version cuts the number out of a GOVERSION.
func Version(s string) string {
	for _, w := range strings.Fields(s) {
		if strings.HasPrefix(w, "go") {
			return w
		}
	}
	return s
}
