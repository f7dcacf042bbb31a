package relevance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/hotreload/hotreload/internal/envfile"
	"github.com/hotreload/hotreload/internal/event"
	"github.com/hotreload/hotreload/internal/files"
	"github.com/hotreload/hotreload/internal/plan"
	"github.com/hotreload/hotreload/watcher"
)

// SettingsFiles knows the files that a program reads and that a typo can break: env files,
// and the JSON and TOML files for which it is restarted. As with the config, a mistake is
// found when the file is saved, before the program is stopped: the last good values stay in
// force, and the repair is reported like the mistake.
type SettingsFiles struct {
	mu     sync.Mutex
	good   map[string]map[string]string // env file -> its variables, when it was last right
	broken map[string]bool              // not right, and that was reported
	parsed map[string]bool              // JSON or TOML file -> could be parsed when last looked at
}

// NewSettingsFiles knows no file yet.
func NewSettingsFiles() *SettingsFiles {
	return &SettingsFiles{good: map[string]map[string]string{}, broken: map[string]bool{}, parsed: map[string]bool{}}
}

// Variables are those of an env file, or what they were when it was last right. It is an
// error only if it never was.
//
// A file that is empty now is most likely in the middle of a save, because many editors truncate,
// then write. The earlier values count until the watcher reports the file as empty: otherwise a
// program that is started at that moment would be started again for the content.
func (s *SettingsFiles) Variables(path string) (map[string]string, error) {
	values, err := envfile.Read(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	good, known := s.good[path]
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case known && (err != nil && !missing || err == nil && len(values) == 0):
		return good, nil
	case err == nil || missing:
		s.good[path] = values
		return values, nil
	}
	s.broken[path] = true
	return nil, err
}

// verdict is what is found of a file that was saved.
type verdict struct {
	err      error // it has a mistake
	known    bool  // its earlier content is known, and is still used
	repaired bool  // it was not right before
}

// envSaved looks at an env file that was saved.
func (s *SettingsFiles) envSaved(path string) verdict {
	values, err := envfile.Read(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	v := verdict{err: err, repaired: err == nil && s.broken[path]}
	s.broken[path] = err != nil
	if err == nil {
		s.good[path] = values
	}
	_, v.known = s.good[path]
	return v
}

// parse is the mistake in a file, if its name says how it is to be read. One that never was
// right (JSON with comments) is the program's affair, and so is one that is gone.
func parse(path string) (mistake error, known bool) {
	ext := filepath.Ext(path)
	if ext != ".json" && ext != ".toml" {
		return nil, false
	}
	data, err := files.Read(path, files.MaxConfig)
	if err != nil {
		return nil, false
	}
	line := 0
	if ext == ".json" {
		var at *json.SyntaxError
		if err = json.Unmarshal(data, new(any)); errors.As(err, &at) {
			line = 1 + bytes.Count(data[:min(int(at.Offset), len(data))], []byte("\n"))
		}
	} else {
		var at *toml.DecodeError
		if err = toml.Unmarshal(data, new(map[string]any)); errors.As(err, &at) {
			line, _ = at.Position()
		}
	}
	if err == nil {
		return nil, true
	}
	// The words of err may quote the file.
	return &envfile.Error{Line: line, Message: "is not valid " + strings.ToUpper(ext[1:]) + " any more"}, true
}

// parsedSaved looks at a JSON or TOML file that was saved.
func (s *SettingsFiles) parsedSaved(path string) verdict {
	mistake, known := parse(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	v := verdict{known: true}
	switch {
	case !known:
	case mistake == nil:
		v.repaired = s.broken[path]
	case s.parsed[path] || s.broken[path]:
		v.err = mistake
	}
	s.parsed[path] = known && mistake == nil
	s.broken[path] = v.err != nil
	return v
}

// learn notes of a JSON or TOML file whether it can be parsed before it is ever saved.
func (s *SettingsFiles) learn(path string) {
	s.mu.Lock()
	_, already := s.parsed[path]
	s.mu.Unlock()
	if already {
		return
	}
	mistake, known := parse(path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, already := s.parsed[path]; known && !already {
		s.parsed[path] = mistake == nil
	}
}

// maxLearn bounds how many files are passed in search of those to learn.
const maxLearn = 20_000

// learnSettings looks for the files of which it must be known what they were, if there can be
// any.
func (j *Judge) learnSettings() {
	if !slices.ContainsFunc(j.all(), func(s *Subject) bool {
		return slices.ContainsFunc(s.conf.Load().Rules, func(r Rule) bool { return r.Effect == plan.Restart || r.Effect == plan.Signal })
	}) {
		return
	}
	passed := 0
	_ = filepath.WalkDir(j.root, func(path string, d fs.DirEntry, err error) error {
		passed++
		switch {
		case passed > maxLearn || j.ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			return nil
		case d.IsDir() && path != j.root && (d.Name()[0] == '.' || d.Name() == "node_modules" || d.Name() == "vendor"):
			return fs.SkipDir
		case d.Type().IsRegular() && j.parsedBy(path) != nil:
			j.settings.learn(path)
		}
		return nil
	})
}

// envOf are the services that read the env file.
func (j *Judge) envOf(path string) (of []*Subject) {
	for _, s := range j.all() {
		if j.view(s).reads(path) {
			of = append(of, s)
		}
	}
	return of
}

// parsedBy are the services that are restarted, or sent a signal, to read a JSON or TOML
// file again.
func (j *Judge) parsedBy(path string) (of []*Subject) {
	if ext := filepath.Ext(path); ext != ".json" && ext != ".toml" || path == j.configPath() {
		return nil
	}
	for _, s := range j.all() {
		switch ef := j.effect(s, path); {
		case ef.Input:
			return nil // a build finds what is wrong with it
		case ef.Kind == plan.Restart || ef.Kind == plan.Signal:
			of = append(of, s)
		}
	}
	return of
}

// undecided keeps the change of a file of settings, or of texts of templ, until the burst closes: in the middle of
// it, the file may be half written. The plan learns which services it will concern.
func (j *Judge) undecided(in *plan.Files, c watcher.Change) bool {
	of := slices.Concat(j.envOf(c.Path), j.parsedBy(c.Path), j.waitsForTexts(c.Path))
	for _, s := range of {
		in.Undecided = append(in.Undecided, s.name)
	}
	if len(of) == 0 {
		return false
	}
	if was, ok := j.burst.settings[c.Path]; ok {
		c.Old = was.Old
	}
	j.burst.settings[c.Path] = c
	return true
}

// decide says what the files of settings mean that were saved in the burst.
func (j *Judge) decide(in *plan.Files) {
	for _, path := range slices.Sorted(maps.Keys(j.burst.settings)) {
		c := j.burst.settings[path]
		if c.Old == c.New {
			continue // within the burst it was something else
		}
		env := j.envOf(path)
		var v verdict
		if len(env) > 0 {
			v = j.settings.envSaved(path)
		} else {
			v = j.settings.parsedSaved(path)
		}
		if v.err != nil {
			p := event.Problem{
				Message: fmt.Sprintf("%s:%v", j.rel(path), v.err),
				Hint:    "the program keeps the previous values until the file is fixed",
			}
			if !v.known {
				p.Hint = "the program is started when the file is fixed"
			}
			j.say(p)
			pc := planChange(c)
			pc.Why = "has a mistake"
			in.Changes = append(in.Changes, pc)
			continue
		}
		if v.repaired {
			j.say(event.Changed{Paths: []string{path}, Effect: plan.None.String(), Why: event.Fixed, Fixed: true})
		}
		j.change(in, c, func(s *Subject) bool {
			return v.repaired && slices.Contains(env, s) && s.runsWithThis()
		})
	}
	clear(j.burst.settings)
}
