package contract_test

import (
	"encoding/json"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func TestMember(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"there", `{"id":"1","settings":[1,2],"x":{"settings":3}}`, `[1,2]`},
		{"with space", " {\n \"settings\" : null }", `null`},
		{"nested only", `{"x":{"settings":3}}`, ``},
		{"under an escaped key", `{"s\u0065ttings":5}`, `5`},
		{"no object", `[{"settings":3}]`, ``},
		{"nothing", ``, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(contract.Member([]byte(tt.doc), "settings")); got != tt.want {
				t.Errorf("Member = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWithMember(t *testing.T) {
	for _, tt := range []struct{ name, doc, want string }{
		{"added", `{"id":"1"}`, `{"id":"1","settings":[7]}`},
		{"replaced", `{"settings":[1,2],"id":"1"}`, `{"id":"1","settings":[7]}`},
		{"the last one", `{"id":"1", "settings":[] }`, `{"id":"1","settings":[7]}`},
		{"to nothing", ` { } `, `{"settings":[7]}`},
		{"an escaped key is the same key", `{"s\u0065ttings":5,"b\u0020":[ 2 ]}`, `{"b\u0020":[ 2 ],"settings":[7]}`},
		{"nested stays", `{"x":{"settings":3}}`, `{"x":{"settings":3},"settings":[7]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := contract.WithMember([]byte("before "), []byte(tt.doc), "settings", []byte(`[7]`))
			if err != nil {
				t.Fatal(err)
			}
			if want := "before " + tt.want; string(got) != want {
				t.Errorf("WithMember = %s, want %s", got, want)
			}
		})
	}
	for doc, want := range map[string]string{`{"settings":[1],"id":"1"}`: `{"id":"1"}`, `{"id":"1","settings":2}`: `{"id":"1"}`, `{"settings":3}`: `{}`, `{}`: `{}`} {
		if got, err := contract.WithMember(nil, []byte(doc), "settings", nil); err != nil || string(got) != want {
			t.Errorf("WithMember(%s) without a value = %s, %v, want %s", doc, got, err, want)
		}
	}
	got, err := contract.WithMember([]byte("before"), []byte(`[1]`), "settings", []byte(`[7]`))
	if err == nil || string(got) != "before" {
		t.Errorf("WithMember of an array = %q, %v, want what was there and an error", got, err)
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{`"a"`: "a", `"é\n"`: "é\n", `""`: "", `7`: "", `null`: "", ``: "", `"`: ""} {
		if got := contract.Text([]byte(value)); got != want {
			t.Errorf("Text(%s) = %q, want %q", value, got, want)
		}
	}
}

func FuzzWithMember(f *testing.F) {
	f.Add([]byte(`{"a":1,"settings":[{"b":"\\\""}]}`))
	f.Add([]byte(`{"settings":"}","settings\"":2}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var want map[string]any
		if json.Unmarshal(doc, &want) != nil || want == nil {
			t.Skip("no object")
		}
		out, err := contract.WithMember(nil, doc, "settings", []byte(`"new"`))
		if err != nil {
			t.Fatalf("WithMember(%q): %v", doc, err)
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("WithMember(%q) = %q: %v", doc, out, err)
		}
		if got["settings"] != "new" {
			t.Errorf("WithMember(%q) = %q without the member", doc, out)
		}
		for k := range want {
			if _, ok := got[k]; !ok {
				t.Errorf("WithMember(%q) = %q lost %q", doc, out, k)
			}
		}
	})
}
