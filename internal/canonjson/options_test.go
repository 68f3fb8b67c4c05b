package canonjson_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/canonjson"
)

func TestOptions(t *testing.T) {
	annotation := func(p canonjson.Path, _ []byte) bool {
		return bytes.Contains(p.Key(), []byte("@odata.")) || p.Key()[0] == '#'
	}
	tags := func(p canonjson.Path) bool { return string(p.Key()) == "tags" }
	tests := []struct {
		name      string
		options   canonjson.Options
		src, want string
	}{
		{
			"annotations",
			canonjson.Options{Drop: annotation},
			`{"@odata.context":"x","b":{"c@odata.count":{"b":1,"a":2},"d":1},"a":1,"#microsoft.graph.assign":{}}`,
			`{"a":1,"b":{"d":1}}`,
		},
		{"everything", canonjson.Options{Drop: func(p canonjson.Path, _ []byte) bool { return len(p) == 2 }}, `{"a":{"b":1,"c":2},"d":[{"e":1}]}`, `{"a":{},"d":[{}]}`},
		{"null", canonjson.Options{DropNull: true}, `{"a":null,"b":[null,{"c":null}],"d":"null"}`, `{"b":[null,{}],"d":"null"}`},
		{"null with a function", canonjson.Options{DropNull: true, Unordered: tags}, `{"a":null,"b":[null,{"c":null}]}`, `{"b":[null,{}]}`},
		{"default", canonjson.Options{Drop: func(_ canonjson.Path, v []byte) bool { return string(v) == `{"a":[],"n":1}` }}, `{"o":{"n":1.0,"a":[ ]},"p":{"n":2}}`, `{"p":{"n":2}}`},
		{"set", canonjson.Options{Unordered: tags}, `{"tags":["b","a","b",10,9,{"z":1,"a":1}],"list":["b","a"]}`, `{"list":["b","a"],"tags":["a","b","b",10,9,{"a":1,"z":1}]}`},
		{"set of one, of none", canonjson.Options{Unordered: tags}, `[{"tags":[1]},{"tags":[ ]},{"tags":"b"}]`, `[{"tags":[1]},{"tags":[]},{"tags":"b"}]`},
		{"set within a set", canonjson.Options{Unordered: tags}, `{"tags":[{"tags":[3,2]},[2,1],{"tags":[1,2],"x":[2,1]}]}`, `{"tags":[[2,1],{"tags":[1,2],"x":[2,1]},{"tags":[2,3]}]}`},
		{"set of what is left", canonjson.Options{Unordered: tags, Drop: annotation}, `{"tags":[{"#":1,"id":2},{"#":2,"id":1}]}`, `{"tags":[{"id":1},{"id":2}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := canonjson.Encoder{Options: tt.options}
			for range 2 {
				got, err := e.Append(nil, []byte(tt.src))
				if err != nil || string(got) != tt.want {
					t.Errorf("Append(%s) = %s, %v; want %s", tt.src, got, err, tt.want)
				}
			}
		})
	}
}

// What a document says must not depend on which of two equal keys is dropped.
func TestDroppedDuplicate(t *testing.T) {
	for _, o := range []canonjson.Options{
		{DropNull: true},
		{Drop: func(p canonjson.Path, _ []byte) bool { return string(p.Key()) == "a" }},
	} {
		e := canonjson.Encoder{Options: o}
		if got, err := e.Append(nil, []byte(`{"a":null,"b":1,"a":1}`)); err == nil {
			t.Errorf("Append = %s, want an error", got)
		}
	}
}

func TestPath(t *testing.T) {
	var got []string
	join := func(p canonjson.Path) string { return string(bytes.Join(p, []byte("/"))) }
	e := canonjson.Encoder{Options: canonjson.Options{
		Drop: func(p canonjson.Path, v []byte) bool {
			got = append(got, join(p)+"="+string(v))
			return false
		},
		Unordered: func(p canonjson.Path) bool {
			got = append(got, join(p)+"?")
			return false
		},
	}}
	src := `{"a":[{"\u00e9":1,"q\"":2},[{"deep":[]}]],"n\nl":{"b":{"c":null}}}`
	if _, err := e.Append(nil, []byte(src)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"a?", "a/é=1", `a/q"=2`, "a/deep?", "a/deep=[]", `a=[{"q\"":2,"é":1},[{"deep":[]}]]`,
		"n\nl/b/c=null", `n` + "\n" + `l/b={"c":null}`, `n` + "\n" + `l={"b":{"c":null}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

// Keys on the path stay what they are while the output grows under them.
func TestPathGrowth(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	e := canonjson.Encoder{Options: canonjson.Options{Drop: func(p canonjson.Path, _ []byte) bool {
		if len(p) == 2 && string(p[0]) != "outer" {
			t.Errorf("outer key is %.20q", p[0])
		}
		return false
	}}}
	if _, err := e.Append(nil, []byte(`{"outer":{"z":"`+long+`","y":["`+long+`"],"x":1}}`)); err != nil {
		t.Fatal(err)
	}
}
