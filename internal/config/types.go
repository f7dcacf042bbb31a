package config

// The values of keys that take one of a few words. A file with another word is refused, so
// behind the config only these constants are compared.

// Backend is watch.backend: how changes are found.
type Backend string

const (
	BackendAuto   Backend = "auto"
	BackendNotify Backend = "notify"
	BackendPoll   Backend = "poll"
)

// Engine is build.engine: what compiles and links.
type Engine string

const (
	EngineAuto   Engine = "auto" // ForServices decides
	EngineGo     Engine = "go"
	EngineDirect Engine = "direct"
)

// Linker is build.linker, for programs that use cgo.
type Linker string

const (
	LinkerAuto    Linker = "auto"
	LinkerDefault Linker = "default"
	LinkerMold    Linker = "mold"
	LinkerLLD     Linker = "lld"
)

// Stdin is run.stdin: what reads the terminal.
type Stdin string

const (
	StdinKeys        Stdin = "keys"        // hotreload
	StdinApp         Stdin = "app"         // the program, line by line
	StdinInteractive Stdin = "interactive" // the program has the terminal
	StdinNone        Stdin = "none"
)

// Order is run.order: what comes first at a restart.
type Order string

const (
	StopFirst  Order = "stop-first"
	StartFirst Order = "start-first"
)

// Restart is run.restart: whether a program that ends is started again.
type Restart string

const (
	RestartNever     Restart = "never"
	RestartOnFailure Restart = "on-failure"
	RestartAlways    Restart = "always"
)

// OnBuildError is run.on_build_error: what happens to the running program.
type OnBuildError string

const (
	KeepOnBuildError OnBuildError = "keep"
	StopOnBuildError OnBuildError = "stop"
)

// WhenBroken is proxy.when_broken: what clients get while the code does not build.
type WhenBroken string

const (
	ExplainWhenBroken WhenBroken = "explain"
	ServeWhenBroken   WhenBroken = "serve"
)

// Effect is rules.effect.
type Effect string

const (
	EffectRebuild Effect = "rebuild"
	EffectRestart Effect = "restart"
	EffectReload  Effect = "reload"
	EffectSignal  Effect = "signal"
	EffectNone    Effect = "none"
)

// Format is log.format.
type Format string

const (
	FormatText Format = "text"
	FormatJSON Format = "json"
)

// AutoApp is the proxy.app that gives each start of the program a free port.
const AutoApp = "auto"

// words are the constants of one of these types as strings.
func words[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// written are the sockets as entries of run.listen.
func written(sockets []Socket) []string {
	out := make([]string, len(sockets))
	for i, s := range sockets {
		out[i] = s.String()
	}
	return out
}
