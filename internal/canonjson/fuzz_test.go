package canonjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

// FuzzCanonical holds the canonical form against encoding/json: both take the
// same documents, apart from the errors that the package adds; the form says
// the same as the document; and every other way to write it has the same form.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		`{"b":[1.0,-0,1e0,{"z":null,"a":true}],"a":"\u00e9\ud83d\ude00\n"}`, `{"a":1,"\u0061":2}`, `"\ud800"`, "\"\xff\"",
		`[1e20,1e21,1e-7,1e-8,123456789012345678901234567890.5,0.00100]`, `{"\\":1,"\"":2,"\t":3,"longer key than eight":4,"longer key":5}`,
		`01`, `[1,]`, ` null `, `{"":{"":{"":[]}}}`, `1e9999999`, `"\u0000\u001f\u007f\u2028/"`, string(policy(f)),
	} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, src []byte, seed uint64) {
		got, err := canonjson.Canonical(nil, src)
		if err != nil {
			checkRefusal(t, src, err)
			return
		}
		if !json.Valid(src) {
			t.Fatalf("Canonical(%q) = %q; encoding/json refuses it", src, got)
		}
		again, err := canonjson.Canonical(nil, got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("Canonical(%q) = %q, %v; want no change", got, again, err)
		}
		if want, ok := reference(t, src, 3); ok && !equalReference(t, got, want) {
			t.Fatalf("Canonical(%q) = %q says something else", src, got)
		}
		v := variant{rand.New(rand.NewPCG(seed, 0)), new(bytes.Buffer)}
		v.write(t, decode(t, src))
		other, err := canonjson.Canonical(nil, v.out.Bytes())
		if err != nil || !bytes.Equal(other, got) {
			t.Fatalf("Canonical(%q) = %q, %v; want %q as of %q", v.out, other, err, got, src)
		}
	})
}

// checkRefusal fails unless err says rightly why src has no canonical form.
func checkRefusal(t *testing.T, src []byte, err error) {
	t.Helper()
	var ce *canonjson.Error
	if !errors.As(err, &ce) || ce.Offset < 0 || ce.Offset > len(src) {
		t.Fatalf("Canonical(%q): %v; want an Error with an offset within the input", src, err)
	}
	if errors.Is(err, canonjson.ErrSyntax) && json.Valid(src) {
		t.Fatalf("Canonical(%q): %v; encoding/json takes it", src, err)
	}
	if errors.Is(err, canonjson.ErrText) && utf8.Valid(src) && !bytes.Contains(bytes.ToLower(src), []byte(`\ud`)) {
		t.Fatalf("Canonical(%q): %v; all of it is text", src, err)
	}
}

// A tree is a document with the order of its members: any of *object, []any,
// string, json.Number, bool, nil.
type object struct {
	keys   []string
	values []any
}

func decode(t *testing.T, src []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	v := decodeValue(t, d)
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("decode %q: %v after the document", src, err)
	}
	return v
}

func decodeValue(t *testing.T, d *json.Decoder) any {
	t.Helper()
	tok, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch tok {
	case json.Delim('{'):
		o := new(object)
		for d.More() {
			o.keys = append(o.keys, decodeValue(t, d).(string))
			o.values = append(o.values, decodeValue(t, d))
		}
		_, err = d.Token()
		if err != nil {
			t.Fatal(err)
		}
		return o
	case json.Delim('['):
		a := []any{}
		for d.More() {
			a = append(a, decodeValue(t, d))
		}
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		return a
	}
	return tok
}

func equalReference(t *testing.T, src, want []byte) bool {
	t.Helper()
	got, ok := reference(t, src, 8) // the point may have moved far
	return ok && bytes.Equal(got, want)
}

// reference writes src the slow way: sorted by encoding/json, numbers as reduced
// fractions. It reports false if an exponent has more characters than limit.
func reference(t *testing.T, src []byte, limit int) ([]byte, bool) {
	t.Helper()
	ok := true
	var plain func(any) any
	plain = func(v any) any {
		switch v := v.(type) {
		case *object:
			m := map[string]any{}
			for i, k := range v.keys {
				m[k] = plain(v.values[i])
			}
			return m
		case []any:
			for i := range v {
				v[i] = plain(v[i])
			}
			return v
		case json.Number:
			_, exp, _ := strings.Cut(strings.ToLower(v.String()), "e")
			if len(exp) > limit {
				ok = false
				return nil
			}
			r, isNumber := new(big.Rat).SetString(v.String())
			if !isNumber {
				t.Fatalf("%s is no number", v)
			}
			return r.String()
		}
		return v
	}
	out, err := json.Marshal(plain(decode(t, src)))
	if err != nil {
		t.Fatal(err)
	}
	return out, ok
}

// A variant writes a tree in one of the many ways that say the same.
type variant struct {
	rand *rand.Rand
	out  *bytes.Buffer
}

func (v variant) space() {
	v.out.WriteString(strings.Repeat(" \n\t\r"[v.rand.IntN(4):][:1], v.rand.IntN(3)))
}

func (v variant) write(t *testing.T, tree any) {
	t.Helper()
	v.space()
	switch x := tree.(type) {
	case *object:
		v.out.WriteByte('{')
		for i, at := range v.rand.Perm(len(x.keys)) {
			if i > 0 {
				v.out.WriteByte(',')
			}
			v.write(t, x.keys[at])
			v.out.WriteByte(':')
			v.write(t, x.values[at])
		}
		v.out.WriteByte('}')
	case []any:
		v.out.WriteByte('[')
		for i := range x {
			if i > 0 {
				v.out.WriteByte(',')
			}
			v.write(t, x[i])
		}
		v.out.WriteByte(']')
	case string:
		v.text(x)
	case json.Number:
		v.number(x.String())
	default:
		fmt.Fprint(v.out, map[any]string{nil: "null", true: "true", false: "false"}[x])
	}
	v.space()
}

func (v variant) text(s string) {
	v.out.WriteByte('"')
	for _, r := range s {
		switch {
		case r < ' ' || r == '"' || r == '\\' || v.rand.IntN(4) == 0:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(v.out, []string{`\u%04x`, `\u%04X`}[v.rand.IntN(2)], u)
			}
		default:
			v.out.WriteRune(r)
		}
	}
	v.out.WriteByte('"')
}

// number moves the point of s by some digits and corrects that by the exponent.
func (v variant) number(s string) {
	mantissa, exp, _ := strings.Cut(strings.ToLower(s), "e")
	whole, frac, _ := strings.Cut(mantissa, ".")
	by := v.rand.IntN(4)
	e := new(big.Int)
	e.SetString(strings.TrimPrefix(exp, "+"), 10)
	e.Sub(e, big.NewInt(int64(by)))
	frac += strings.Repeat("0", by)
	sign := whole[:len(whole)-len(strings.TrimPrefix(whole, "-"))]
	whole = strings.TrimLeft(strings.TrimPrefix(whole, "-")+frac[:by], "0")
	if whole == "" {
		whole = "0"
	}
	fmt.Fprintf(v.out, "%s%s.%s0%s%d", sign, whole, frac[by:], []string{"e", "E"}[v.rand.IntN(2)], e)
}
