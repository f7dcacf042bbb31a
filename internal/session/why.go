package session

import (
	"context"
	"os"
	"path/filepath"

	"github.com/hotreload/hotreload/builder"
	"github.com/hotreload/hotreload/internal/config"
	"github.com/hotreload/hotreload/internal/relevance"
)

// Why says for every service what a change of the file, an absolute path, would do, without
// starting anything.
func Why(ctx context.Context, o relevance.Options, services []config.Service, path string) ([]relevance.Answer, error) {
	// Its own cache: a session may be building in the project's.
	cache, err := os.MkdirTemp("", "hotreload-why-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(cache)
	return relevance.Why(ctx, o, services, func(c config.Service) (relevance.Builder, error) {
		return builder.New(BuildOptions(o.Config.Root, o.Env, filepath.Join(cache, cacheName(c.Name)), c))
	}, path)
}
