package discover

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// pkg is the files of one package together.
type pkg struct {
	o       Options
	files   []*Source
	imports map[string]bool
	strings map[string]string
	lists   map[string][]string
}

func newPkg(files []*Source, o Options) *pkg {
	p := &pkg{o, files, map[string]bool{}, map[string]string{}, map[string][]string{}}
	for _, f := range files {
		for i := range f.imports {
			p.imports[i] = true
		}
		for name, text := range f.strings {
			p.strings[name] = text
		}
		for name, texts := range f.lists {
			p.lists[name] = texts
		}
	}
	for _, f := range files {
		for name := range f.assigned {
			delete(p.strings, name)
			delete(p.lists, name)
		}
	}
	return p
}

// add adds what the package opens and writes.
func (p *pkg) add(to *Set) {
	for _, f := range p.files {
		for _, u := range f.uses {
			if u.call.method && !p.importsAny(u.call.from) {
				continue
			}
			for _, text := range u.paths {
				for _, t := range p.expand(text) {
					p.addPath(to, f, u, t)
				}
			}
		}
	}
	p.addViper(to)
}

func (p *pkg) importsAny(from string) bool {
	return slices.ContainsFunc(strings.Fields(from), func(i string) bool { return p.imports[i] })
}

func (p *pkg) addPath(to *Set, f *Source, u usage, text string) {
	g, ok := p.glob(u.call, text)
	switch {
	case !ok:
	case u.call.use == written && u.call.shape == tree:
		to.made = append(to.made, g)
	case u.call.use == written:
		to.written = append(to.written, g)
	default:
		to.opens = append(to.opens, Open{Glob: g, Place: place(p.o.Root, f.path, u.line), Call: u.name, Reload: u.call.use == serve})
	}
}

// expand puts the constants of the package in: one text, or those of a list.
func (p *pkg) expand(text string) []string {
	if name, ok := strings.CutPrefix(text, nameOpen); ok {
		if list := p.lists[strings.TrimSuffix(name, nameClose)]; list != nil {
			out := make([]string, len(list))
			for i, t := range list {
				out[i] = p.constant(t, 0)
			}
			return out
		}
	}
	return []string{p.constant(text, 0)}
}

func (p *pkg) constant(text string, depth int) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, nameOpen)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, nameClose)
		value, ok := p.strings[name]
		switch {
		case !ok || depth > 10:
			out.WriteString(dynamic)
		default:
			out.WriteString(p.constant(value, depth+1))
		}
		text = after
	}
}

// glob makes the pattern of a path that the code names; ok is false if it names none here.
func (p *pkg) glob(c call, text string) (pattern string, ok bool) {
	text = strings.TrimPrefix(filepath.ToSlash(text), "file://")
	if text == "" || strings.Contains(text, "$") || strings.Contains(text, "://") || strings.HasPrefix(text, "~") {
		return "", false
	}
	text = path.Clean(text)
	if strings.Contains(text, dynamic) {
		if pattern, ok = partly(c, text); !ok {
			return "", false
		}
	} else {
		pattern = whole(c, text)
	}
	if !path.IsAbs(text) && !filepath.IsAbs(filepath.FromSlash(text)) {
		pattern = Escape(filepath.ToSlash(p.o.Dir)) + "/" + pattern
	}
	return p.here(c, path.Clean(pattern))
}

// whole is the pattern of a path that is known.
func whole(c call, text string) string {
	switch c.shape {
	case glob:
		return strings.NewReplacer("{", `\{`, "}", `\}`).Replace(text)
	case tree:
		return Escape(text) + "/**"
	case listing:
		return Escape(text) + "/*"
	}
	return Escape(text)
}

// partly is the pattern of a path of which a part is made at run time. It has to begin with a directory, and what is read as
// data has to end in an extension.
func partly(c call, text string) (pattern string, ok bool) {
	before, _, _ := strings.Cut(text, dynamic)
	dir, ext := path.Dir(before+"x"), path.Ext(text)
	known := ext != "" && !strings.Contains(ext, dynamic)
	switch {
	case dir == "." || dir == "/":
		return "", false
	case c.use == written:
		return Escape(dir) + "/**", true
	case c.shape == listing || c.shape == tree:
		return "", false
	case known:
		return Escape(dir) + "/**/*" + Escape(ext), true
	}
	return Escape(dir) + "/**", c.use == serve || c.from == templates
}

// here keeps a pattern inside the project, and from naming all of it.
func (p *pkg) here(c call, pattern string) (string, bool) {
	base, rest := split(pattern)
	inside := func(dir string) bool {
		rel, err := filepath.Rel(dir, base)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	}
	if !doublestar.ValidatePattern(pattern) || !inside(p.o.Root) && !slices.ContainsFunc(p.o.Also, inside) {
		return "", false
	}
	// A pattern of the root itself has to say more than "all".
	if whole := rest == "**" || rest == "*"; whole && (base == p.o.Root || slices.Contains(p.o.Also, base)) {
		return Escape(filepath.ToSlash(base)) + "/**/*.{" + assets + "}", c.use == serve
	}
	return pattern, true
}

// Extensions of the configs that viper reads.
const viperExts = "json,toml,yaml,yml,properties,props,prop,hcl,tfvars,dotenv,env,ini"

func (p *pkg) addViper(to *Set) {
	if !p.imports[viper] {
		return
	}
	var dirs, names []string
	var at *Source
	for _, f := range p.files {
		if f.viper.writes {
			return
		}
		dirs, names = append(dirs, f.viper.dirs...), append(names, f.viper.names...)
		if f.viper.line > 0 && (at == nil || len(f.viper.names) > 0) {
			at = f
		}
	}
	if len(names) == 0 {
		names = []string{"config"} // its default
	}
	for _, dir := range dirs {
		for _, name := range names {
			g, ok := p.glob(call{}, p.constant(dir+"/"+name, 0))
			if ok {
				exts := ".{" + viperExts + "}"
				if path.Ext(strings.TrimLeft(path.Base(g), ".")) != "" {
					exts = "{," + exts + "}" // else the name alone is a program's, more likely
				}
				to.opens = append(to.opens, Open{Glob: g + exts, Place: place(p.o.Root, at.path, at.viper.line), Call: "viper.SetConfigName"})
			}
		}
	}
}
