package discover

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Source is what one Go file says.
type Source struct {
	path     string
	imports  map[string]bool     // without major versions
	strings  map[string]string   // constants and variables of the package: texts
	lists    map[string][]string // the same of []string
	assigned map[string]bool     // names that are not what they were declared as
	uses     []usage
	viper    viperUse
}

// usage is one call, and the paths that it is given.
type usage struct {
	call  call
	name  string // "os.ReadFile"
	line  int
	paths []string // texts
}

// viperUse is a config file in parts.
type viperUse struct {
	dirs, names []string // texts
	line        int
	writes      bool
}

// A text is a string as far as the file alone says: with dynamic in it for what is known at run time only, and the names of
// constants of the package between nameOpen and nameClose.
const (
	dynamic             = "\x00"
	nameOpen, nameClose = "\x01", "\x02"
)

// mayOpen reports whether a Go file calls something that Parse may know: most do not, and to parse 1,000 files takes a second.
func mayOpen(src []byte) bool {
	called := map[string]bool{} // functions of the tables, of whatever package
	for i, c := range src {
		if c != '(' {
			continue
		}
		name := selectorBefore(src[:i])
		if methods[name] != nil || otherMethods[name] || strings.Contains(name, "WriteFile") {
			return true
		}
		if functions[name] != nil {
			called[name] = true
		}
	}
	return len(called) > 0 && importsFor(src, called)
}

// selectorBefore is the name at the end of a text, if a dot is before it.
func selectorBefore(src []byte) string {
	n := len(src)
	for n > 0 && (src[n-1] == '_' || src[n-1] >= '0' && src[n-1] <= '9' || src[n-1]|0x20 >= 'a' && src[n-1]|0x20 <= 'z') {
		n--
	}
	if n == 0 || src[n-1] != '.' {
		return ""
	}
	return string(src[n:])
}

// importsFor reports whether a file imports a package that one of the functions is from.
func importsFor(src []byte, called map[string]bool) bool {
	f, _ := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution|parser.ImportsOnly)
	if f == nil {
		return true
	}
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		for name := range called {
			if slices.ContainsFunc(functions[name], func(c call) bool { return inWords(c.from, Unversioned(p)) }) {
				return true
			}
		}
	}
	return false
}

// Calls that the tables do not describe.
var otherMethods = words("OpenFile ParseFS FS FileServerFS AddConfigPath SetConfigName WriteConfig WriteConfigAs SafeWriteConfig SafeWriteConfigAs")

// unsure reports whether the other files of the package have to be asked.
func (s *Source) unsure() bool {
	return len(s.viper.dirs) > 0 || slices.ContainsFunc(s.uses, func(u usage) bool {
		return u.call.method || slices.ContainsFunc(u.paths, func(t string) bool { return strings.Contains(t, nameOpen) })
	})
}

// Parse reads a Go file. The error is the parser's.
func Parse(file string, src []byte) (*Source, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	s := &Source{path: file, imports: map[string]bool{}, strings: map[string]string{}, lists: map[string][]string{}, assigned: map[string]bool{}}
	r := &reader{Source: s, set: set, packages: map[string]string{}}
	for _, i := range f.Imports {
		r.imported(i)
	}
	for _, d := range f.Decls {
		r.locals, r.taken = nil, map[ast.Node]bool{}
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					r.declared(v)
				}
			}
		case *ast.FuncDecl:
			r.locals = map[string]ast.Expr{}
			r.learn(d)
		}
		ast.Inspect(d, r.fileSystem)
		ast.Inspect(d, r.opened)
	}
	return s, nil
}

// reader is a file while it is read.
type reader struct {
	*Source
	set      *token.FileSet
	packages map[string]string   // name in this file -> import path
	locals   map[string]ast.Expr // of the function: the value of the name; nil: not known
	taken    map[ast.Node]bool   // calls of os.DirFS of which another call says more
	depth    int
}

var majorVersion = regexp.MustCompile(`/v[0-9]+(/|$)|(\.v[0-9]+)(/|$)`)

// Unversioned is an import path without major versions.
func Unversioned(p string) string {
	return strings.TrimSuffix(majorVersion.ReplaceAllString(p, "$1$3"), "/")
}

func (r *reader) imported(i *ast.ImportSpec) {
	p, err := strconv.Unquote(i.Path.Value)
	if err != nil {
		return
	}
	p = Unversioned(p)
	name := path.Base(p)
	if i.Name != nil {
		name = i.Name.Name
	}
	r.imports[p] = true
	r.packages[strings.TrimPrefix(name, "go-")] = p
	r.packages[name] = p
}

// declared notes the strings that a package declares.
func (r *reader) declared(v *ast.ValueSpec) {
	for i, name := range v.Names {
		if i >= len(v.Values) {
			continue
		}
		if _, ok := v.Values[i].(*ast.CompositeLit); ok {
			r.lists[name.Name] = r.list(v.Values[i])
		} else if t := r.text(v.Values[i]); t != dynamic {
			r.strings[name.Name] = t
		}
	}
}

// learn notes the values of the names in a function: those that are declared once and not changed later.
func (r *reader) learn(fn *ast.FuncDecl) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				r.locals[name.Name] = nil
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					r.declare(name.Name, n.Values[i])
				} else {
					r.locals[name.Name] = nil
				}
			}
		case *ast.AssignStmt:
			r.assign(n)
		case *ast.RangeStmt:
			r.changes(n.Key)
			r.changes(n.Value)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				r.changes(n.X)
			}
		}
		return true
	})
}

func (r *reader) declare(name string, value ast.Expr) {
	if _, twice := r.locals[name]; twice {
		value = nil
	}
	r.locals[name] = value
}

// changes notes that a name may have any value.
func (r *reader) changes(e ast.Expr) {
	if name, ok := e.(*ast.Ident); ok && name.Name != "_" {
		r.locals[name.Name] = nil
		r.assigned[name.Name] = true
	}
}

func (r *reader) assign(n *ast.AssignStmt) {
	for i, left := range n.Lhs {
		name, ok := left.(*ast.Ident)
		switch {
		case !ok || name.Name == "_" || r.appends(n, name.Name):
		case n.Tok != token.DEFINE:
			r.changes(name)
		case len(n.Lhs) == len(n.Rhs):
			r.declare(name.Name, n.Rhs[i])
		case i == 0:
			r.declare(name.Name, n.Rhs[0]) // the first result of a call
		default:
			r.locals[name.Name] = nil
		}
	}
}

// appends reports whether a statement only adds to a list: what was in it still is.
func (r *reader) appends(n *ast.AssignStmt, name string) bool {
	if len(n.Rhs) != 1 {
		return false
	}
	c, ok := n.Rhs[0].(*ast.CallExpr)
	if !ok || len(c.Args) == 0 {
		return false
	}
	fn, _ := c.Fun.(*ast.Ident)
	to, _ := c.Args[0].(*ast.Ident)
	return fn != nil && to != nil && fn.Name == "append" && to.Name == name
}

// function is the import path and name of the function that is called; "" if it is none of another package.
func (r *reader) function(c *ast.CallExpr) (pkg, name string) {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	if _, local := r.locals[x.Name]; local {
		return "", ""
	}
	return r.packages[x.Name], sel.Sel.Name
}

// value is the value of an expression, if it is the name of something in the function.
func (r *reader) value(e ast.Expr) ast.Expr {
	for range 10 {
		name, ok := e.(*ast.Ident)
		if !ok || r.locals[name.Name] == nil {
			break
		}
		e = r.locals[name.Name]
	}
	return e
}

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-zA-Z]`)

// text is the string that an expression makes.
func (r *reader) text(e ast.Expr) string {
	if r.depth++; r.depth > 40 {
		r.depth--
		return dynamic
	}
	defer func() { r.depth-- }()
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING && !strings.ContainsAny(s, "\x00\x01\x02") {
			return s
		}
	case *ast.ParenExpr:
		return r.text(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return r.text(e.X) + r.text(e.Y)
		}
	case *ast.Ident:
		if x, local := r.locals[e.Name]; local {
			if x == nil {
				return dynamic
			}
			return r.text(x)
		}
		return nameOpen + e.Name + nameClose
	case *ast.CallExpr:
		return r.result(e)
	}
	return dynamic
}

// result is the string that a call returns first.
func (r *reader) result(c *ast.CallExpr) string {
	pkg, name := r.function(c)
	if pkg == "os" && name == "Getwd" {
		return "."
	}
	if len(c.Args) == 0 || c.Ellipsis.IsValid() {
		return dynamic
	}
	if fn, ok := c.Fun.(*ast.Ident); ok && fn.Name == "string" {
		return r.text(c.Args[0])
	}
	switch pkg + "." + name {
	case "path/filepath.Join", "path.Join":
		parts := make([]string, len(c.Args))
		for i, a := range c.Args {
			parts[i] = r.text(a)
		}
		return strings.Join(parts, "/")
	case "path/filepath.Clean", "path.Clean", "path/filepath.FromSlash", "path/filepath.ToSlash", "path/filepath.Abs", "net/http.Dir":
		return r.text(c.Args[0])
	case "fmt.Sprintf":
		return verb.ReplaceAllString(r.text(c.Args[0]), dynamic)
	}
	return dynamic
}

// list is the strings of a []string that is written out; nil if it is none.
func (r *reader) list(e ast.Expr) []string {
	switch e := r.value(e).(type) {
	case *ast.CompositeLit:
		if a, ok := e.Type.(*ast.ArrayType); !ok || !isString(a.Elt) {
			return nil
		}
		var out []string
		for _, x := range e.Elts {
			out = append(out, r.text(x))
		}
		return out
	case *ast.Ident:
		if _, local := r.locals[e.Name]; !local {
			return []string{nameOpen + e.Name + nameClose}
		}
	}
	return nil
}

func isString(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "string"
}

// directory is the one that an fs.FS shows, and the call that makes it.
func (r *reader) directory(e ast.Expr) (dir string, made ast.Node) {
	c, ok := r.value(e).(*ast.CallExpr)
	if !ok || len(c.Args) == 0 {
		return dynamic, nil
	}
	switch pkg, name := r.function(c); {
	case pkg == "os" && name == "DirFS":
		return r.text(c.Args[0]), c
	case pkg == "io/fs" && name == "Sub" && len(c.Args) == 2:
		dir, made = r.directory(c.Args[0])
		return dir + "/" + r.text(c.Args[1]), made
	}
	return dynamic, nil
}

// fileSystem finds out what is done with an os.DirFS.
func (r *reader) fileSystem(n ast.Node) bool {
	c, ok := n.(*ast.CallExpr)
	if !ok || len(c.Args) == 0 {
		return true
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return true
	}
	pkg, name := r.function(c)
	serves := pkg == "net/http" && (name == "FS" || name == "FileServerFS")
	if !serves && sel.Sel.Name != "ParseFS" {
		return true
	}
	dir, made := r.directory(c.Args[0])
	if made == nil {
		return true
	}
	r.taken[made] = true
	if serves {
		r.use(c, call{from: pkg, shape: tree, use: serve}, []string{dir})
		return true
	}
	for _, a := range c.Args[1:] {
		r.use(c, call{from: templates, method: pkg == "", shape: glob}, []string{dir + "/" + r.text(a)})
	}
	return true
}

// opened notes a call that takes a path.
func (r *reader) opened(n ast.Node) bool {
	c, ok := n.(*ast.CallExpr)
	if !ok || r.taken[n] {
		return true
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		if fn, ok := c.Fun.(*ast.Ident); ok && writer.MatchString(fn.Name) {
			r.wrote(c)
		}
		return true
	}
	pkg, name := r.function(c)
	if writer.MatchString(sel.Sel.Name) {
		r.wrote(c)
	}
	if pkg == "os" && name == "OpenFile" && len(c.Args) > 1 {
		r.openFile(c)
		return true
	}
	r.configured(c, pkg, sel.Sel.Name)
	table := functions
	if pkg == "" {
		table = methods
	}
	for _, what := range table[sel.Sel.Name] {
		if (pkg == "" || inWords(what.from, pkg)) && what.arg < len(c.Args) {
			r.use(c, what, r.paths(c, what))
		}
	}
	return true
}

// openFile notes a call of os.OpenFile, whose second argument says whether it reads or writes.
func (r *reader) openFile(c *ast.CallExpr) {
	what := call{from: "os", use: written}
	if readsOnly(c.Args[1]) {
		what.use = read
	}
	r.use(c, what, []string{r.text(c.Args[0])})
}

// paths are the texts of the arguments that are paths.
func (r *reader) paths(c *ast.CallExpr, what call) (paths []string) {
	args := c.Args[what.arg:]
	if !what.rest {
		args = args[:1]
	}
	for i, a := range args {
		if c.Ellipsis.IsValid() && i == len(args)-1 {
			paths = append(paths, r.list(a)...)
		} else {
			paths = append(paths, r.text(a))
		}
	}
	return paths
}

// writer is what functions are called that write a file, whatever package they are from.
var writer = regexp.MustCompile(`(?i)(write|save|dump|persist|store)`)

// wrote notes the strings that such a function is given: if one is the name of a file, the program writes that.
func (r *reader) wrote(c *ast.CallExpr) {
	var paths []string
	for _, a := range c.Args {
		if t := r.text(a); !strings.Contains(t, dynamic) {
			paths = append(paths, t)
		}
	}
	if len(paths) > 0 {
		r.uses = append(r.uses, usage{call: call{use: written}, paths: paths})
	}
}

func (r *reader) use(c *ast.CallExpr, what call, paths []string) {
	sel := c.Fun.(*ast.SelectorExpr)
	name := sel.Sel.Name
	if x, ok := sel.X.(*ast.Ident); ok {
		name = x.Name + "." + name
	}
	r.uses = append(r.uses, usage{what, name, r.set.Position(sel.Sel.Pos()).Line, paths})
}

// configured collects the parts of the name of a config file that viper loads.
func (r *reader) configured(c *ast.CallExpr, pkg, name string) {
	if pkg != "" && pkg != viper {
		return
	}
	switch {
	case name == "AddConfigPath" && len(c.Args) == 1:
		r.viper.dirs = append(r.viper.dirs, r.text(c.Args[0]))
		if r.viper.line == 0 {
			r.viper.line = r.set.Position(c.Pos()).Line
		}
	case name == "SetConfigName" && len(c.Args) == 1:
		r.viper.names = append(r.viper.names, r.text(c.Args[0]))
		r.viper.line = r.set.Position(c.Pos()).Line
	case strings.Contains(name, "WriteConfig"):
		r.viper.writes = true
	}
}

// readsOnly reports whether the flags of os.OpenFile allow no writing.
func readsOnly(flags ast.Expr) bool {
	if sel, ok := flags.(*ast.SelectorExpr); ok {
		return sel.Sel.Name == "O_RDONLY"
	}
	lit, ok := flags.(*ast.BasicLit)
	return ok && lit.Value == "0"
}

func inWords(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

// Literal is a string in the code, and its line.
type Literal struct {
	Text string
	Line int
}

// Literals are the strings of a Go file, less import paths and tags. A file that cannot be parsed has none.
func Literals(file string, src []byte) []Literal {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	var out []Literal
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			n.Tag = nil
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				out = append(out, Literal{s, set.Position(n.Pos()).Line})
			}
		}
		return true
	})
	return out
}
