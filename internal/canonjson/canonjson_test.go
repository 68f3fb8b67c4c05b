package canonjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"space", " { \"a\" :\r\n\t[ 1 , true ] } ", `{"a":[1,true]}`},
		{"literals", `[true,false,null]`, `[true,false,null]`},
		{"empty", ` [ { } , [ ] , "" ] `, `[{},[],""]`},
		{"keys", `{"b":1,"a":2,"":3,"B":4}`, `{"":3,"B":4,"a":2,"b":1}`},
		{"keys with one prefix", `{"setting12":1,"setting1":2,"setting":3}`, `{"setting":3,"setting1":2,"setting12":1}`},
		{"keys by UTF-8, not UTF-16", `{"\ud83d\ude00":1,"\uffee":2}`, "{\"\uffee\":2,\"\U0001f600\":1}"},
		{"keys decoded before sorting", `{"\\":1,"\u0061":2,"\u0001":3,"\n":4}`, `{"\u0001":3,"\n":4,"\\":1,"a":2}`},
		{"nested", `{"z":{"b":[{"d":1,"c":2}],"a":{}},"y":0}`, `{"y":0,"z":{"a":{},"b":[{"c":2,"d":1}]}}`},
		{"escapes", `"\u0022\u005c\u002f\u0008\u000C\u000a\u000d\u0009\u001f\u007f\u00e9\/"`, `"\"\\/\b\f\n\r\t\u001f` + "\x7fé/\""},
		{"pair", `"\uD83D\uDE00"`, `"😀"`},
		{"replacement character", `"\ufffd` + "\ufffd\"", "\"\ufffd\ufffd\""},
		{"html", `"\u003ca\u003e\u0026\u2028"`, "\"<a>&\u2028\""},
		{"no normal form", `["\u00e9","e\u0301"]`, "[\"é\",\"e\u0301\"]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := canonjson.Canonical([]byte("before"), []byte(tt.src))
			if want := "before" + tt.want; err != nil || string(got) != want {
				t.Errorf("Canonical(%q) = %q, %v; want %q", tt.src, got, err, want)
			}
			again, err := canonjson.Canonical(nil, got[len("before"):])
			if err != nil || string(again) != tt.want {
				t.Errorf("Canonical(%q) = %q, %v; want no change", tt.want, again, err)
			}
		})
	}
}

func TestCanonicalNumber(t *testing.T) {
	tests := []struct{ want, equal string }{
		{"0", "0 -0 0.0 -0.00 0e5 0E-999999999999999999999 0.000e99999999999999999999"},
		{"1", "1 1.0 1e0 1E+0 10e-1 0.1e1 0.0001e4 1.000 100000e-00005"},
		{"-1", "-1 -1.0 -10e-1"},
		{"120", "120 1.2e2 12e1 120.0 0.12e3"},
		{"1.5", "1.5 15e-1 0.15e1 1.50"},
		{"0.1", "0.1 1e-1 0.10 10e-2"},
		{"9007199254740992", "9007199254740992 9.007199254740992e15"},
		{"9007199254740993", "9007199254740993 9007199254740993.0"},
		{"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"},
		{"100000000000000000000", "1e20 100000000000000000000 100000000000000000000.0"},
		{"123456789012345678901", "123456789012345678901 1.23456789012345678901e20"},
		{"1e21", "1e21 1000000000000000000000 10e20 1.0E21"},
		{"1.23456789012345678901234567890123e32", "123456789012345678901234567890123 123456789012345678901234567890.123e3"},
		{"0.0000001", "1e-7 0.0000001 10e-8"},
		{"1e-8", "1e-8 0.00000001 0.1e-7"},
		{"-1.2e-8", "-1.2e-8 -12e-9"},
		{"1e1000000", "1e1000000 10e999999 1e0001000000"},
		{"1e-1000000", "1e-1000000 0.1e-999999"},
	}
	for _, tt := range tests {
		for src := range strings.FieldsSeq(tt.equal) {
			got, err := canonjson.Canonical(nil, []byte(src))
			if err != nil || string(got) != tt.want {
				t.Errorf("Canonical(%s) = %s, %v; want %s", src, got, err, tt.want)
			}
		}
	}
}

func TestCanonicalErrors(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, err := canonjson.Canonical(nil, []byte(deep(canonjson.MaxDepth))); err != nil {
		t.Errorf("at MaxDepth: %v", err)
	}
	tests := []struct {
		src    string
		offset int
		want   error
	}{
		{``, 0, canonjson.ErrSyntax},
		{"  ", 2, canonjson.ErrSyntax},
		{`{} {}`, 3, canonjson.ErrSyntax},
		{"\ufeff{}", 0, canonjson.ErrSyntax},
		{"\x00", 0, canonjson.ErrSyntax},
		{`nul`, 0, canonjson.ErrSyntax},
		{`nulll`, 4, canonjson.ErrSyntax},
		{`NaN`, 0, canonjson.ErrSyntax},
		{`[1,]`, 3, canonjson.ErrSyntax},
		{`[1 2]`, 3, canonjson.ErrSyntax},
		{`[`, 1, canonjson.ErrSyntax},
		{`[1`, 2, canonjson.ErrSyntax},
		{`{"a":1,}`, 7, canonjson.ErrSyntax},
		{`{"a" 1}`, 5, canonjson.ErrSyntax},
		{`{"a":1 "b":2}`, 7, canonjson.ErrSyntax},
		{`{a:1}`, 1, canonjson.ErrSyntax},
		{`{"a":1`, 6, canonjson.ErrSyntax},
		{`{"a":`, 5, canonjson.ErrSyntax},
		{`01`, 1, canonjson.ErrSyntax},
		{`-`, 1, canonjson.ErrSyntax},
		{`+1`, 0, canonjson.ErrSyntax},
		{`.5`, 0, canonjson.ErrSyntax},
		{`1.`, 2, canonjson.ErrSyntax},
		{`1.e5`, 2, canonjson.ErrSyntax},
		{`1e`, 2, canonjson.ErrSyntax},
		{`1e+`, 3, canonjson.ErrSyntax},
		{`-01`, 2, canonjson.ErrSyntax},
		{`"a`, 2, canonjson.ErrSyntax},
		{"\"a\n\"", 2, canonjson.ErrSyntax},
		{`"\`, 2, canonjson.ErrSyntax},
		{`"\x"`, 1, canonjson.ErrSyntax},
		{`"\u12"`, 1, canonjson.ErrSyntax},
		{`"\u12g4"`, 1, canonjson.ErrSyntax},
		{`"\ud83d"`, 1, canonjson.ErrText},
		{`"\ude00\ud83d"`, 1, canonjson.ErrText},
		{`"\ud83d\ud83d"`, 1, canonjson.ErrText},
		{`"a\ud83dx"`, 2, canonjson.ErrText},
		{"\"ab\xff\"", 3, canonjson.ErrText},
		{"\"é\xe2\x82\"", 3, canonjson.ErrText},
		{"\"\xed\xa0\x80\"", 1, canonjson.ErrText}, // a surrogate in UTF-8
		{`{"a":1,"b":2,"a":1}`, 13, canonjson.ErrDuplicateKey},
		{`{"a":1,"\u0061":1}`, 7, canonjson.ErrDuplicateKey},
		{`{"\n":1,"b":1,"\u000a":1}`, 14, canonjson.ErrDuplicateKey},
		{`[{"c":{"a":1,"a":2}}]`, 13, canonjson.ErrDuplicateKey},
		{`[1e1000001]`, 1, canonjson.ErrRange},
		{`[-0.1e-1000000]`, 1, canonjson.ErrRange},
		{`1e99999999999999999999`, 0, canonjson.ErrRange},
		{`1e-99999999999999999999`, 0, canonjson.ErrRange},
		{deep(canonjson.MaxDepth + 1), canonjson.MaxDepth, canonjson.ErrDepth},
		{strings.Repeat(`{"a":`, 100_000), canonjson.MaxDepth * 5, canonjson.ErrDepth},
	}
	for _, tt := range tests {
		got, err := canonjson.Canonical([]byte("kept"), []byte(tt.src))
		var ce *canonjson.Error
		if !errors.As(err, &ce) || !errors.Is(err, tt.want) || ce.Offset != tt.offset {
			t.Errorf("Canonical(%.40q): %v; want %v at offset %d", tt.src, err, tt.want, tt.offset)
		}
		if string(got) != "kept" {
			t.Errorf("Canonical(%.40q) returned %q with an error; want what it was given", tt.src, got)
		}
	}
}

// A short number must not become a long one.
func TestCanonicalBounded(t *testing.T) {
	src := "[" + strings.TrimSuffix(strings.Repeat("1e20,1e-7,1e999999,", 10_000), ",") + "]"
	got, err := canonjson.Canonical(nil, []byte(src))
	if err != nil || len(got) > 5*len(src) {
		t.Errorf("Canonical of %d bytes: %d bytes, %v; want at most 5 times as many", len(src), len(got), err)
	}
}

// An Encoder that has met an error works on.
func TestEncoderReuse(t *testing.T) {
	e := canonjson.Encoder{Options: canonjson.Options{Drop: func(p canonjson.Path, _ []byte) bool { return len(p) > 2 }}}
	for _, bad := range []string{`{"b":{"a":{"c":[1,`, `{"b":1,"b":2}`, strings.Repeat("[", 1000), `{"a":"\ud800"}`} {
		if _, err := e.Append(nil, []byte(bad)); err == nil {
			t.Fatalf("Append(%.20q) succeeded", bad)
		}
		got, err := e.Append(nil, []byte(`{"b":{"a":{"z":1}},"a":[2]}`))
		if want := `{"a":[2],"b":{"a":{}}}`; err != nil || string(got) != want {
			t.Errorf("after %.20q: %s, %v; want %s", bad, got, err, want)
		}
	}
}

// Hashes are stored: these vectors never change. They are sha256sum of the
// canonical form written by hand.
func TestHash(t *testing.T) {
	var e canonjson.Encoder
	for src, want := range map[string]string{
		`{}`:                        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		`{"b":1.0,"a":"\u00e9"}`:    "aa58fba8483623bed37c1b02edfccbdd9a53123837c20bfa4cb4049993a2872e",
		`[9007199254740993, -0, 1]`: "a84bfa1c5debfafd9d87f81d309da9c1eb1d6fa24afc47b54d724f0af1fb6b43",
	} {
		got, err := canonjson.Hash([]byte(src))
		if hex := fmt.Sprintf("%x", got); err != nil || hex != want {
			t.Errorf("Hash(%s) = %s, %v; want %s", src, hex, err, want)
		}
		if sum, err := e.Sum([]byte(src)); err != nil || sum != got {
			t.Errorf("Sum(%s) = %x, %v; want %x", src, sum, err, got)
		}
	}
	if _, err := canonjson.Hash([]byte(`{"a":1,"a":1}`)); !errors.Is(err, canonjson.ErrDuplicateKey) {
		t.Errorf("Hash of a duplicate key: %v", err)
	}
}
