package graphclient_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// samplePage has everything that JSON has.
const samplePage = `{ "@odata.context" : "https:\/\/x\u002fy", "@odata.count": 3 ,` +
	`"value":[{"id":"1","n":-0.5e+10,"a":[true,false,null,[],{},[[{"b":""}]]],"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 ö 😀"},{},{"id":"3","z":0}],` +
	"\n\t\"@odata.nextLink\":\"https://x/y\"\r\n} "

func TestOutline(t *testing.T) {
	list, items, next, code := graphclient.Outline([]byte(samplePage))
	if !list || code != "" || next != `"https://x/y"` || len(items) != 3 {
		t.Fatalf("got list %v, %d items, next %s, code %q", list, len(items), next, code)
	}
	var want struct {
		Value []json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal([]byte(samplePage), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Value, items); diff != "" {
		t.Error(diff)
	}
	for _, item := range items {
		if cap(item) != len(item) {
			t.Error("appending to an item would overwrite the next")
		}
	}
}

// An answer that is cut anywhere is noticed.
func TestOutlineOfEveryPrefix(t *testing.T) {
	whole := []byte(samplePage)
	end := bytes.LastIndexByte(whole, '}')
	for n := range whole[:end+1] {
		if _, _, _, code := graphclient.Outline(whole[:n]); code != "truncated" {
			t.Errorf("cut at byte %d: got %q", n, code)
		}
	}
}

func TestOutlineRefuses(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	for name, c := range map[string]struct{ body, code string }{
		"nothing":              {"", "truncated"},
		"space":                {" \n", "truncated"},
		"byte order mark":      {"\ufeff{}", "byte_order_mark"},
		"html":                 {"<!DOCTYPE html>", "not_an_object"},
		"array":                {"[]", "not_an_object"},
		"string":               {`"x"`, "not_an_object"},
		"two documents":        {"{}{}", "trailing_data"},
		"garbage after":        {"{}x", "trailing_data"},
		"latin-1":              {"{\"a\":\"\xe9t\"}", "not_utf8"},
		"surrogate half":       {"{\"a\":\"\xed\xa0\x80\"}", "not_utf8"},
		"control in a string":  {"{\"a\":\"\n\"}", "not_json"},
		"NUL":                  {"{\"a\":\x00}", "not_json"},
		"bad escape":           {`{"a":"\x"}`, "not_json"},
		"bad hex":              {`{"a":"\u00g0"}`, "not_json"},
		"comma at the end":     {`{"a":1,}`, "not_json"},
		"array comma":          {`{"value":[1,]}`, "not_json"},
		"array without commas": {`{"value":[1 2]}`, "not_json"},
		"no colon":             {`{"a" 1}`, "not_json"},
		"unquoted name":        {`{a:1}`, "not_json"},
		"single quotes":        {`{'a':1}`, "not_json"},
		"comment":              {`{/**/}`, "not_json"},
		"NaN":                  {`{"a":NaN}`, "not_json"},
		"leading zero":         {`{"a":01}`, "not_json"},
		"plus":                 {`{"a":+1}`, "not_json"},
		"no digits":            {`{"a":1.}`, "not_json"},
		"no exponent":          {`{"a":1e}`, "not_json"},
		"half a word":          {`{"a":tru}`, "not_json"},
		"value twice":          {`{"value":[],"value":[]}`, "duplicate_member"},
		"value twice, escaped": {`{"value":[],"v\u0061lue":[]}`, "duplicate_member"},
		"two next links":       {`{"value":[],"@odata.nextLink":"a","@odata.nextLink":"b"}`, "duplicate_member"},
		"nested 100,000 deep":  {`{"a":` + deep + `}`, "too_deep"},
		"items too deep":       {`{"value":[` + deep + `]}`, "too_deep"},
		"a million items":      {`{"value":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}`, "too_many_items"},
		"a million members":    {`{` + strings.Repeat(`"a":1,`, 1_000_000) + `"a":1}`, "too_many_members"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, _, code := graphclient.Outline([]byte(c.body)); code != c.code {
				t.Errorf("got %q, want %q", code, c.code)
			}
		})
	}
}

// What is only odd is kept as it is.
func TestOutlineKeeps(t *testing.T) {
	long := `"` + strings.Repeat("x", 1_000_000) + `"`
	for _, item := range []string{
		`null`, `1`, `"x"`, `[1]`, `{"a":1,"a":2}`, `{"@odata.type":"#microsoft.graph.unheardOf","list":null}`, `1e999999`, `-123456789012345678901234567890.5`,
		`{"s":` + long + `}`, `{"error":{"code":"x"}}`, `{"platform":"unknownFutureValue"}`, `{"value":[1],"@odata.nextLink":"x"}`,
	} {
		list, items, next, code := graphclient.Outline([]byte(`{"value":[` + item + `]}`))
		if !list || code != "" || next != "" || len(items) != 1 || string(items[0]) != item {
			t.Errorf("%.60s: got %d items, next %q, code %q", item, len(items), next, code)
		}
	}
}

// The scanner agrees with encoding/json on what is JSON and where it is.
func FuzzOutline(f *testing.F) {
	f.Add([]byte(samplePage))
	f.Add([]byte(`{"value":[1,2],"value":[3]}`))
	f.Add([]byte(`{"@odata.nextLink":null,"value":[]}`))
	f.Add([]byte(`{"value":{"value":[1]},"error":{"code":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, items, next, code := graphclient.Outline(data)
		var doc map[string]json.RawMessage
		err := json.Unmarshal(data, &doc)
		switch code {
		case "":
			if err != nil {
				t.Fatalf("accepted %q: %v", data, err)
			}
		case "duplicate_member", "too_many_items", "too_many_members", "too_deep":
			return
		case "not_utf8":
			if utf8.Valid(data) {
				t.Fatalf("%q is UTF-8", data)
			}
			return
		default:
			if err == nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
				t.Fatalf("refused %q: %s", data, code)
			}
			return
		}
		var want []json.RawMessage
		if value, ok := doc["value"]; ok && value[0] == '[' {
			if err := json.Unmarshal(value, &want); err != nil || !list || len(want) != len(items) {
				t.Fatalf("%q: got %d items, want %d (%v)", data, len(items), len(want), err)
			}
		} else if list {
			t.Fatalf("%q is no list", data)
		}
		for i := range want {
			if !bytes.Equal(want[i], items[i]) {
				t.Errorf("item %d of %q: got %q, want %q", i, data, items[i], want[i])
			}
		}
		if wantNext := string(doc["@odata.nextLink"]); next != wantNext && wantNext != "null" {
			t.Errorf("next link of %q: got %q, want %q", data, next, wantNext)
		}
	})
}

// A page that arrives cut, whatever the transport made of it, is asked for
// once more and is then an error; at no length is it a shorter list.
func TestCutPages(t *testing.T) {
	whole := page("", object(1), object(2))
	for n := range len(whole) {
		svc := script(says(200, whole[:n]))
		c := newClient(t, svc, func(cfg *graphclient.Config) { cfg.Limiter, cfg.MaxAttempts = unlimited(t), 1 })
		items, _, err := all(t.Context(), c, graphclient.Request{Path: listPath})
		if !errors.Is(err, graphclient.ErrBadResponse) || len(items) > 0 {
			t.Errorf("cut at %d: got %d items, %v", n, len(items), err)
		}
	}
	z := zipped([]byte(whole))
	for n := range z {
		svc := script(says(200, string(z[:n]), "Content-Encoding: gzip"))
		c := newClient(t, svc, func(cfg *graphclient.Config) { cfg.Limiter, cfg.MaxAttempts = unlimited(t), 1 })
		items, _, err := all(t.Context(), c, graphclient.Request{Path: listPath})
		if err == nil || len(items) > 0 {
			t.Errorf("compressed and cut at %d: got %d items, %v", n, len(items), err)
		}
	}
}
