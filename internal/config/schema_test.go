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
		if wrong := violates(word, want, v, at); wrong != "" {
			return wrong
		}
	}
	object, _ := v.(map[string]any)
	for key, e := range object {
		if wrong := fieldViolation(schema, key, e, at+"."+key); wrong != "" {
			return wrong
		}
	}
	return ""
}

// violates is violation for one word of the schema.
func violates(word string, want, v any, at string) string {
	switch word {
	case "$schema", "title", "description", "default":
	case "properties", "patternProperties", "additionalProperties": // see fieldViolation
	case "type":
		if kind := jsonType(v); kind != want {
			return fmt.Sprintf("%s: expected %s, found %s: %v", at, want, kind, v)
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
			if wrong := violation(want.(map[string]any), e, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
	case "oneOf":
		fit := slices.DeleteFunc(slices.Clone(want.([]any)), func(one any) bool { return violation(one.(map[string]any), v, at) != "" })
		if len(fit) != 1 {
			return fmt.Sprintf("%s: fits %d of oneOf: %v", at, len(fit), v)
		}
	default:
		return fmt.Sprintf("%s: the test does not know %q", at, word)
	}
	return ""
}

func jsonType(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case int64, float64:
		return "number"
	}
	return fmt.Sprintf("%T", v)
}

// fieldViolation is violation for one field of an object.
func fieldViolation(schema map[string]any, key string, v any, at string) string {
	properties, _ := schema["properties"].(map[string]any)
	if one, ok := properties[key].(map[string]any); ok {
		return violation(one, v, at)
	}
	patterns, _ := schema["patternProperties"].(map[string]any)
	for pattern, one := range patterns {
		if regexp.MustCompile(pattern).MatchString(key) {
			return violation(one.(map[string]any), v, at)
		}
	}
	switch more := schema["additionalProperties"].(type) {
	case bool:
		if !more {
			return at + ": unknown"
		}
	case map[string]any:
		return violation(more, v, at)
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
