//go:build !windows

package config

// autoEngine is who builds a project with one service.
const autoEngine = EngineDirect
