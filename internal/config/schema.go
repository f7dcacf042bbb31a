package config

import (
	"encoding/json"
	"slices"
)

// Schema is a JSON Schema (draft 2020-12) of the file, for editors. It is made from the
// table of keys, so it allows what Parse allows, as far as a schema can express that.
func Schema() []byte {
	part := func(table string, extra ...member) object {
		var properties object
		for _, k := range theSchema().tableKeys(table) {
			properties = append(properties, member{k, schemaOf(theSchema().specs[table+"."+k])})
		}
		o := object{{"type", "object"}, {"description", tableDoc(table)}}
		o = append(o, extra...)
		return append(o, member{"properties", properties}, member{"additionalProperties", false})
	}
	rules := object{{"type", "array"}, {"items", part("rules", member{"required", []string{"paths"}})}}
	var inherited object
	for _, t := range serviceTables {
		inherited = append(inherited, member{t, part(t)})
	}
	service := append(slices.Clip(inherited), member{"rules", rules}, member{"needs", schemaOf(theSchema().specs["needs"])})
	all := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", FileName},
		{"type", "object"},
		{"properties", slices.Concat(object{{"watch", part("watch")}}, inherited, object{
			{"rules", rules},
			{"services", object{
				{"type", "object"},
				{"description", tableDoc("services.NAME")},
				{"patternProperties", object{{serviceName.String(), object{
					{"type", "object"}, {"properties", service}, {"additionalProperties", false},
				}}}},
				{"additionalProperties", false},
			}},
			{"log", part("log")}, {"control", part("control")},
		})},
		{"additionalProperties", false},
	}
	out, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		panic(err) // only strings and lists are in it
	}
	return append(out, '\n')
}

func tableDoc(name string) string {
	for _, t := range tables {
		if t.Name == name {
			return t.Doc
		}
	}
	return ""
}

func schemaOf(s *spec) object {
	o := object{{"description", s.Doc}}
	text := object{{"type", "string"}}
	texts := object{{"type", "array"}, {"items", text}}
	command := []any{text, texts}
	switch s.Type {
	case typeBool:
		o = append(o, member{"type", "boolean"})
	case typeDuration:
		o = append(o, text[0], member{"pattern", `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)`})
	case typeStrings, typeGlobs, typePaths, typeArgv, typeSockets:
		o = append(o, texts...)
	case typeCommand:
		o = append(o, member{"oneOf", command})
	case typeCommands:
		o = append(o, member{"type", "array"}, member{"items", object{{"oneOf", command}}})
	case typeVariables:
		o = append(o, member{"type", "object"}, member{"additionalProperties", text})
	default:
		o = append(o, text[0])
	}
	if len(s.Values) > 0 {
		o = append(o, member{"enum", s.Values})
	}
	if s.Type == typeSignal {
		o = append(o, member{"enum", signalNames})
	}
	switch def := defaultText(s.Name); s.Type {
	case typeBool:
		o = append(o, member{"default", def == "true"})
	case typeCommand, typeCommands, typeVariables, typeStrings, typeGlobs, typePaths, typeArgv, typeSockets:
	default:
		var v string
		if json.Unmarshal([]byte(def), &v) == nil { // a TOML basic string without control characters is JSON too
			o = append(o, member{"default", v})
		}
	}
	return o
}
