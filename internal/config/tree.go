package config

import (
	"errors"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// go-toml decodes into Go values and reports the first mismatch it meets. People are
// better served by every mistake at once, each with its place, so the document becomes a
// small tree with positions first. toml.Unmarshal still judges the document (duplicate
// keys, tables defined twice): the tree only has to be built from what is valid.

type kind int

const (
	tableNode kind = iota
	arrayNode
	stringNode
	boolNode
	integerNode
	floatNode
	dateNode
)

// String names a kind for messages: "found ...".
func (k kind) String() string {
	return [...]string{"a table", "a list", "a string", "true or false", "a number", "a number", "a date"}[k]
}

// node is one value of the document, or a table.
type node struct {
	kind   kind
	key    string // the last part of its key; "" in a list
	keyAt  place
	at     place // of the value; for a table its header's key
	text   string
	items  []*node // of a list, or of [[array.tables]]
	tables bool    // an array node made of [[headers]]
	fields []*node // of a table, in the order of the document
}

func (n *node) field(key string) *node {
	for _, f := range n.fields {
		if f.key == key {
			return f
		}
	}
	return nil
}

type treeBuilder struct {
	path  string
	data  []byte
	lines []string
	// starts[i] is the offset of line i.
	starts []int
	p      unstable.Parser
}

// parseTree reads a document. What could be read comes back even if it is not the whole.
func parseTree(data []byte, path string, lines []string) (root *node, whole bool, errs Errors) {
	b := &treeBuilder{path: path, data: data, lines: lines}
	offset := 0
	for _, line := range strings.SplitAfter(string(data), "\n") {
		b.starts = append(b.starts, offset)
		offset += len(line)
	}
	var into map[string]any
	if err := toml.Unmarshal(data, &into); err != nil {
		errs = append(errs, b.syntaxError(err))
	}
	return b.build(), len(errs) == 0, errs
}

func (b *treeBuilder) syntaxError(err error) *Error {
	at := place{path: b.path}
	message := strings.TrimPrefix(err.Error(), "toml: ")
	if de := (*toml.DecodeError)(nil); errors.As(err, &de) {
		line, column := de.Position()
		at = b.placeAt(line, column)
	}
	return at.errorf(syntaxHint(message, at.source), "not valid TOML: %s", message)
}

// bareValue is a line whose value should have been quoted: stop_timeout = 5s
var bareValue = regexp.MustCompile(`^\s*([A-Za-z0-9_.-]+)\s*=\s*([^\s"'\[{#]+)\s*(?:#.*)?$`)

func syntaxHint(message, source string) string {
	switch {
	case strings.Contains(message, "escape"):
		return "put text with backslashes in single quotes: 'C:\\Users'"
	case strings.Contains(message, "already"):
		return "a key or table can be set only once: merge the two"
	}
	if m := bareValue.FindStringSubmatch(source); m != nil {
		switch strings.ToLower(m[2]) {
		case "true", "yes", "on":
			return m[1] + " = true"
		case "false", "no", "off":
			return m[1] + " = false"
		}
		return m[1] + " = " + quote(strings.Trim(m[2], "“”‘’"))
	}
	if strings.Contains(message, "value") || strings.Contains(message, "newline") {
		return `put text and durations in quotes: key = "value"`
	}
	return ""
}

// placeAt is a place in the document; without lines (a --set) it is just the path.
func (b *treeBuilder) placeAt(line, column int) place {
	if b.lines == nil {
		return place{path: b.path}
	}
	p := place{path: b.path, line: line, column: column}
	if line >= 1 && line <= len(b.lines) {
		p.source = b.lines[line-1]
	}
	return p
}

func (b *treeBuilder) place(offset int) place {
	lo, hi := 0, len(b.starts)
	for lo+1 < hi {
		if mid := (lo + hi) / 2; b.starts[mid] <= offset {
			lo = mid
		} else {
			hi = mid
		}
	}
	return b.placeAt(lo+1, offset-b.starts[lo]+1)
}

func (b *treeBuilder) build() *node {
	root := &node{kind: tableNode, at: place{path: b.path}}
	current := root
	b.p.Reset(b.data)
	for b.p.NextExpression() {
		e := b.p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			current = b.header(root, e)
		case unstable.KeyValue:
			if current != nil {
				b.keyValue(current, e)
			}
		}
	}
	return root
}

// header gives the table that a header opens; nil if the document is not valid there,
// which toml.Unmarshal has reported.
func (b *treeBuilder) header(root *node, e *unstable.Node) *node {
	n := root
	keys := e.Key()
	for keys.Next() {
		k := keys.Node()
		last := keys.IsLast()
		next := n.field(string(k.Data))
		at := b.place(int(k.Raw.Offset))
		if next == nil {
			next = &node{kind: tableNode, key: string(k.Data), keyAt: at, at: at}
			if last && e.Kind == unstable.ArrayTable {
				next.kind, next.tables = arrayNode, true
			}
			n.fields = append(n.fields, next)
		}
		if next.kind == arrayNode && next.tables {
			if last && e.Kind == unstable.ArrayTable {
				next.items = append(next.items, &node{kind: tableNode, key: string(k.Data), keyAt: at, at: at})
			}
			if len(next.items) == 0 {
				return nil
			}
			next = next.items[len(next.items)-1]
		}
		if next.kind != tableNode {
			return nil
		}
		n = next
	}
	return n
}

func (b *treeBuilder) keyValue(table *node, e *unstable.Node) {
	n := table
	keys := e.Key()
	for keys.Next() {
		k := keys.Node()
		key, at := string(k.Data), b.place(int(k.Raw.Offset))
		if !keys.IsLast() {
			next := n.field(key)
			if next == nil {
				next = &node{kind: tableNode, key: key, keyAt: at, at: at}
				n.fields = append(n.fields, next)
			}
			if next.kind != tableNode {
				return
			}
			n = next
			continue
		}
		if n.field(key) != nil {
			return
		}
		// The parser does not say where an array or a boolean begins: it is what
		// follows the equals sign.
		begin := int(k.Raw.Offset + k.Raw.Length)
		for begin < len(b.data) && strings.IndexByte(" \t=", b.data[begin]) >= 0 {
			begin++
		}
		v := b.value(e.Value(), begin)
		v.key, v.keyAt = key, at
		n.fields = append(n.fields, v)
	}
}

func (b *treeBuilder) value(e *unstable.Node, begin int) *node {
	if e.Raw.Length > 0 {
		begin = int(e.Raw.Offset)
	}
	n := &node{at: b.place(begin), text: string(e.Data)}
	switch e.Kind {
	case unstable.String:
		n.kind = stringNode
	case unstable.Bool:
		n.kind = boolNode
	case unstable.Integer:
		n.kind = integerNode
	case unstable.Float:
		n.kind = floatNode
	case unstable.Array:
		n.kind = arrayNode
		for it := e.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				n.items = append(n.items, b.value(it.Node(), begin))
			}
		}
	case unstable.InlineTable:
		n.kind = tableNode
		for it := e.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				b.keyValue(n, it.Node())
			}
		}
	default:
		n.kind = dateNode
	}
	return n
}
