package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/inventory"
)

func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		want                []inventory.Change
	}{
		{"equal", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`, nil},
		{"a value", `{"a":1,"b":true}`, `{"a":2,"b":true}`, []inventory.Change{{Pointer: "/a", Before: "1", After: "2"}}},
		{"large numbers", `{"a":9007199254740992}`, `{"a":9007199254740993}`, []inventory.Change{{Pointer: "/a", Before: "9007199254740992", After: "9007199254740993"}}},
		{"null and nothing", `{"a":null}`, `{}`, []inventory.Change{{Pointer: "/a", Before: "null"}}},
		{"a member", `{"x/y":"old"}`, `{"n~":"new"}`, []inventory.Change{{Pointer: "/n~0", After: `"new"`}, {Pointer: "/x~1y", Before: `"old"`}}},
		{"another type", `{"a":[1]}`, `{"a":{"b":1}}`, []inventory.Change{{Pointer: "/a", Before: "[1]", After: `{"b":1}`}}},
		{"a set", `[1,2,3]`, `[3,1,4,2]`, []inventory.Change{{Pointer: "/2", After: "4"}}},
		{"the same twice", `["x","x"]`, `["x"]`, []inventory.Change{{Pointer: "/1", Before: `"x"`}}},
		{
			"elements by their names",
			`[{"settingDefinitionId":"a","v":1},{"settingDefinitionId":"b","v":2}]`,
			`[{"settingDefinitionId":"new","v":0},{"settingDefinitionId":"b","v":3},{"settingDefinitionId":"a","v":1}]`,
			[]inventory.Change{{Pointer: "/0", After: `{"settingDefinitionId":"new","v":0}`}, {Pointer: "/1/v", Before: "2", After: "3"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, more, err := inventory.Diff([]byte(tt.before), []byte(tt.after))
			if err != nil || more {
				t.Fatalf("Diff = more %v, %v", more, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffIsBounded(t *testing.T) {
	var after []string
	for i := range 2 * inventory.MaxChanges {
		after = append(after, fmt.Sprintf(`"k%d":"%s"`, i, strings.Repeat("ä", inventory.MaxValue)))
	}
	got, more, err := inventory.Diff([]byte(`{}`), []byte("{"+strings.Join(after, ",")+"}"))
	if err != nil || !more || len(got) != inventory.MaxChanges {
		t.Fatalf("Diff = %d changes, more %v, %v", len(got), more, err)
	}
	for _, c := range got {
		if len(c.After) > inventory.MaxValue+len("…") {
			t.Fatalf("a value has %d bytes", len(c.After))
		}
	}
	if _, _, err := inventory.Diff([]byte(`{`), []byte(`{}`)); err == nil {
		t.Error("Diff of no JSON reports no error")
	}
}
