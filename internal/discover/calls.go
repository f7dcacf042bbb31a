package discover

import "strings"

// shape says which files a path names.
type shape int

const (
	file    shape = iota // one
	glob                 // those that filepath.Match matches
	tree                 // all below a directory
	listing              // those in a directory, not below
)

// use says what the program does with them.
type use int

const (
	read    use = iota // at its start, most likely: a change restarts
	serve              // hands them out as they are: a change reloads
	written            // writes them: a change is its own
)

// call is one function or method that takes a path.
type call struct {
	from   string // import paths, without major versions
	method bool   // of something from there; the receiver is not known, so the package has to import it
	names  string
	arg    int  // of the path
	rest   bool // and all arguments after it
	shape  shape
	use    use
}

const (
	templates = "html/template text/template"
	gin       = "github.com/gin-gonic/gin"
	echo      = "github.com/labstack/echo"
	fiber     = "github.com/gofiber/fiber"
	iris      = "github.com/kataras/iris"
	viper     = "github.com/spf13/viper"
	i18n      = "github.com/nicksnyder/go-i18n/i18n"
	engines   = "github.com/gofiber/template/html github.com/gofiber/template/django github.com/gofiber/template/jet github.com/gofiber/template/handlebars github.com/gofiber/template/mustache github.com/gofiber/template/pug"
)

var calls = []call{
	{from: templates, names: "ParseFiles", rest: true},
	{from: templates, names: "ParseGlob", shape: glob},
	{from: templates, method: true, names: "ParseFiles", rest: true},
	{from: templates, method: true, names: "ParseGlob", shape: glob},
	{from: "github.com/flosch/pongo2", names: "FromFile"},
	{from: "github.com/aymerick/raymond", names: "ParseFile"},
	{from: "github.com/CloudyKit/jet", names: "NewOSFileSystemLoader", shape: tree},
	{from: engines, names: "New", shape: tree},
	{from: iris, names: "HTML Django Handlebars Pug Jet", shape: tree},

	{from: "os io/ioutil", names: "Open ReadFile"},
	{from: "os io/ioutil", names: "ReadDir", shape: listing},
	{from: "os", names: "DirFS OpenRoot", shape: tree},
	{from: "path/filepath", names: "Glob", shape: glob},
	{from: "path/filepath", names: "Walk WalkDir", shape: tree},
	{from: "crypto/tls", names: "LoadX509KeyPair", rest: true},
	{from: "net/http", names: "ListenAndServeTLS", arg: 1, rest: true},
	{from: "net/http", method: true, names: "ListenAndServeTLS", rest: true},
	{from: "github.com/joho/godotenv", names: "Load Overload Read", rest: true},
	{from: "github.com/knadh/koanf/providers/file", names: "Provider"},
	{from: "github.com/BurntSushi/toml", names: "DecodeFile"},
	{from: "gopkg.in/ini github.com/go-ini/ini", names: "Load", rest: true},
	{from: "github.com/ilyakaznacheev/cleanenv", names: "ReadConfig"},
	{from: "github.com/casbin/casbin", names: "NewEnforcer NewSyncedEnforcer", rest: true},
	{from: viper, names: "SetConfigFile"},
	{from: viper, method: true, names: "SetConfigFile"},
	{from: i18n, method: true, names: "LoadMessageFile MustLoadMessageFile"},
	{from: "github.com/golang-migrate/migrate", names: "New NewWithDatabaseInstance", shape: tree},
	{from: "github.com/pressly/goose", names: "Up", arg: 1, shape: tree},

	{from: "net/http", names: "Dir", shape: tree, use: serve},
	{from: "net/http", names: "ServeFile", arg: 2, use: serve},
	{from: gin, method: true, names: "LoadHTMLGlob", shape: glob},
	{from: gin, method: true, names: "LoadHTMLFiles", rest: true},
	{from: gin, method: true, names: "Static", arg: 1, shape: tree, use: serve},
	{from: gin, method: true, names: "StaticFile", arg: 1, use: serve},
	{from: gin, names: "Dir", shape: tree, use: serve},
	{from: gin + " " + echo, method: true, names: "File", rest: true, use: serve},
	{from: echo, method: true, names: "Static", arg: 1, shape: tree, use: serve},
	{from: echo + "/middleware", names: "Static", shape: tree, use: serve},
	{from: fiber, method: true, names: "Static", arg: 1, shape: tree, use: serve},
	{from: fiber, method: true, names: "SendFile", use: serve},
	{from: fiber + "/middleware/static", names: "New", shape: tree, use: serve},
	{from: iris, method: true, names: "HandleDir", arg: 1, shape: tree, use: serve},

	{from: "os io/ioutil", names: "Create WriteFile Remove Truncate", use: written},
	{from: "os io/ioutil", names: "Mkdir MkdirAll RemoveAll CreateTemp MkdirTemp TempFile TempDir", shape: tree, use: written},
	{from: "os", names: "Rename", rest: true, use: written},
}

// functions and methods find the calls of a name.
var functions, methods = index()

func index() (functions, methods map[string][]call) {
	functions, methods = map[string][]call{}, map[string][]call{}
	for _, c := range calls {
		into := functions
		if c.method {
			into = methods
		}
		for _, name := range strings.Fields(c.names) {
			into[name] = append(into[name], c)
		}
	}
	return functions, methods
}

// Extensions of what a page is made of.
const assets = "html,htm,css,js,mjs,json,svg,png,jpg,jpeg,gif,webp,avif,ico,woff,woff2,wasm,webmanifest"
