package safe

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// What each kind of foreign text looks like, and what stays as it is.
func TestLine(t *testing.T) {
	for in, want := range map[string]Text{
		"plain, ünïcödé 漢字 🎉 ⚠️ a b": "plain, ünïcödé 漢字 🎉 ⚠️ a b",
		"\x1b]0;title\a":            `\x1b]0;title\a`,
		"\x1b[31mred\x1b[0m":        `\x1b[31mred\x1b[0m`,
		"C1 \u009b2J \u0085":        `C1 \u009b2J \u0085`,
		"\x9b2J":                    `\x9b2J`,
		"a\nb\r\nc\rd":              `a\nb\r\nc\rd`,
		"bidi \u202e \u2066 \u061c": `bidi \u202e \u2066 \u061c`,
		"zero\u200bwidth\ufeff\u00ad\u2060\u200d": `zero\u200bwidth\ufeff\u00ad\u2060\u200d`,
		"lines \u2028 \u2029":                     `lines \u2028 \u2029`,
		"tag \U000e0041 \u3164":                   `tag \U000e0041 \u3164`,
		"a\tb\x7f\x00\xff\xc3":                    `a    b\x7f\x00\xff\xc3`,
		`back\slash "quoted"`:                     `back\slash "quoted"`,
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q)\n got %q\nwant %q", in, got, want)
		}
	}
	if got, want := Block("a\r\n\tb\n\x1bc\rd"), Text("a\n    b\n\\x1bc\\rd"); got != want {
		t.Errorf("Block: %q, want %q", got, want)
	}
	for in, want := range map[string]Text{"a b.go": "a b.go", "a\tb": `"a\tb"`, "a\nb\x1b.go": `"a\nb\x1b.go"`, "x\u3164\xff": `"x\u3164\xff"`} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q): %q, want %q", in, got, want)
		}
	}
}

func TestSprintf(t *testing.T) {
	red := Text("\x1b[31mred\x1b[0m")
	got := Sprintf("%s|%-4s|%3d|%v|%q|%s|%s\n", "a\nb", "x", 7, []string{"\x1b"}, "\u202e", errors.New("e\r"), red)
	if want := "a\\nb|x   |  7|[\\x1b]|\"\\u202e\"|e\\r|" + red + "\n"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// Whatever the text: nothing but glyphs comes out, and a part of it is the same part.
func FuzzText(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J", "\u009b", "a\tb\n\u202e", "\xff\xfe", "漢\U000e0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{
			"Line": string(Line(s)), "Name": string(Name(s)), "Block": strings.ReplaceAll(string(Block(s)), "\n", ""),
			"Sprintf": string(Sprintf("%s %q %v", s, s, []string{s})),
		} {
			if !clean(got) {
				t.Errorf("%s(%q) is %q", name, s, got)
			}
		}
		if strings.Count(string(Block(s)), "\n") != strings.Count(s, "\n") {
			t.Errorf("Block(%q) is %q", s, Block(s))
		}
		for i := range s {
			if utf8.RuneStart(s[i]) && Line(s[:i])+Line(s[i:]) != Line(s) {
				t.Errorf("Line(%q) cut at %d", s, i)
			}
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if err := json.Unmarshal(encoded, &before); err != nil {
			t.Fatal(err)
		}
		safe := JSON(encoded)
		if err := json.Unmarshal(safe, &after); err != nil || after != before || !clean(string(safe)) {
			t.Errorf("JSON(%q) is %q: %v", encoded, safe, err)
		}
	})
}

func TestMarshal(t *testing.T) {
	for indent, want := range map[string]string{
		"":   `{"a":"<\u001b]\u0085é"}` + "\n",
		"  ": "{\n  \"a\": \"<\\u001b]\\u0085é\"\n}\n",
	} {
		got, err := Marshal(map[string]string{"a": "<\x1b]\u0085é"}, indent)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := Marshal(func() {}, ""); err == nil {
		t.Error("a function was encoded")
	}
}
