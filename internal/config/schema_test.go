package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// violation is what a value has against a schema, "" if nothing: the part of JSON Schema
// that Schema uses. A word that it does not know is a violation too.
func violation(schema map[string]any, v any, at string) string {
	for word, want := range schema {
		switch word {
		case "$schema", "title", "description", "default":
		case "type":
			kinds := map[string]bool{}
			switch x := v.(type) {
			case string:
				kinds["string"] = true
			case bool:
				kinds["boolean"] = true
			case []any:
				kinds["array"] = true
			case map[string]any:
				kinds["object"] = true
			case int64, float64:
				kinds["number"] = true
			default:
				return fmt.Sprintf("%s: %T", at, x)
			}
			if !kinds[want.(string)] {
				return fmt.Sprintf("%s: no %s: %v", at, want, v)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				return fmt.Sprintf("%s: none of %v: %v", at, want, v)
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(s) {
				return fmt.Sprintf("%s: not like %s: %v", at, want, v)
			}
		case "required":
			for _, key := range want.([]any) {
				if m, ok := v.(map[string]any); ok && m[key.(string)] == nil {
					return fmt.Sprintf("%s: no %s", at, key)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, e := range list {
				if s := violation(want.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i)); s != "" {
					return s
				}
			}
		case "oneOf":
			n := 0
			for _, one := range want.([]any) {
				if violation(one.(map[string]any), v, at) == "" {
					n++
				}
			}
			if n != 1 {
				return fmt.Sprintf("%s: fits %d of oneOf: %v", at, n, v)
			}
		case "properties", "patternProperties", "additionalProperties":
		default:
			return fmt.Sprintf("%s: the test does not know %q", at, word)
		}
	}
	object, _ := v.(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	patterns, _ := schema["patternProperties"].(map[string]any)
	for key, e := range object {
		below := at + "." + key
		if one, ok := properties[key].(map[string]any); ok {
			if s := violation(one, e, below); s != "" {
				return s
			}
			continue
		}
		known := false
		for pattern, one := range patterns {
			if regexp.MustCompile(pattern).MatchString(key) {
				known = true
				if s := violation(one.(map[string]any), e, below); s != "" {
					return s
				}
			}
		}
		switch more := schema["additionalProperties"].(type) {
		case bool:
			if !known && !more {
				return below + ": unknown"
			}
		case map[string]any:
			if s := violation(more, e, below); !known && s != "" {
				return s
			}
		}
	}
	return ""
}

// C8: the schema allows every value that Parse allows, and none of another type, of a
// name that there is not, or outside of a short list.
func TestSchemaAgreesWithParse(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	check := func(text string) {
		t.Helper()
		var doc map[string]any
		if err := toml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		_, err := Parse([]byte(text), "f")
		if wrong := violation(schema, doc, ""); (wrong == "") != (err == nil) {
			t.Errorf("%s: the schema says %q, Parse says %v", text, wrong, err)
		}
	}
	check(uncomment(exampleText()))
	check("[services.\"a b\"]\nneeds = []\n")
	check("[nonsense]\n")
	for _, k := range Keys() {
		table, key, _ := strings.Cut(k.Name, ".")
		head := map[string]string{"rules": "[[rules]]\n", "services": "[services.db]\n[services.api]\n"}[table]
		if head == "" {
			head = "[" + table + "]\n"
		}
		key = strings.TrimPrefix(key, "NAME.")
		switch k.Name {
		case "rules.paths":
		case "rules.signal":
			head += "paths = [\"x\"]\neffect = \"signal\"\n"
		default:
			if table == "rules" {
				head += "paths = [\"x\"]\n"
			}
		}
		values := []string{k.Example, "12", "[12]", "{ a = 12 }", "true", `["a", ["b"]]`}
		if k.Default != "" {
			values = append(values, k.Default)
		}
		for _, v := range k.Values {
			values = append(values, quote(v))
		}
		if k.Type == typeOneOf || k.Type == typeSignal || k.Type == typeDuration {
			values = append(values, `"nonsense"`)
		}
		for _, v := range values {
			check(head + key + " = " + v + "\n")
		}
		check(head + key + "x = " + k.Example + "\n")
	}
	check("[[rules]]\neffect = \"none\"\n")
	check("[services.a]\nwatch.debounce = \"1s\"\n")
	check("[services.a]\nbuild.race = true\nrules = [{ paths = [\"x\"], effect = \"none\" }]\n")
}
