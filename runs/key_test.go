package runs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
)

// The vectors are promises to stored keys: they are added to and never change.
func TestKeyVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Tenant   string          `json:"tenant"`
		Type     runs.Type       `json:"type"`
		Identity json.RawMessage `json:"identity"`
		Key      runs.Key        `json:"key"`
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		got, err := runs.KeyOf(v.Tenant, v.Type, v.Identity)
		if err != nil || got != v.Key {
			t.Errorf("KeyOf(%q, %q, %s) = %s, %v; want %s", v.Tenant, v.Type, v.Identity, got, err, v.Key)
		}
	}
	if len(vectors) < 12 {
		t.Errorf("%d vectors, want all of them", len(vectors))
	}
}

func TestKeyEquality(t *testing.T) {
	raw := func(s string) any { return json.RawMessage(s) }
	type scope struct {
		Kinds []string `json:"kinds"`
		Full  bool     `json:"full"`
	}
	tests := []struct {
		name string
		a, b any
		same bool
	}{
		{"order of keys", raw(`{"a":1,"b":2}`), raw(`{"b":2,"a":1}`), true},
		{"struct and map", scope{[]string{"x"}, true}, map[string]any{"full": true, "kinds": []string{"x"}}, true},
		{"spelling of numbers", raw(`[1,10,0.5]`), raw(`[1.0,1e1,5e-1]`), true},
		{"spelling of strings", raw(`"é/<"`), raw(`"\u00e9\/\u003c"`), true},
		{"2^53 and the next", raw(`9007199254740992`), raw(`9007199254740993`), false},
		{"int64 and uint64", int64(1), uint64(1), true},
		{"order of arrays", raw(`["a","b"]`), raw(`["b","a"]`), false},
		{"order of sets", runs.Set[string]{"a", "b", "a"}, runs.Set[string]{"b", "a"}, true},
		{"a set and a list", runs.Set[string]{"a", "b"}, []string{"a", "b"}, true},
		{"empty and nil set", runs.Set[string]{}, runs.Set[string](nil), true},
		{"null and absent", raw(`{"a":null}`), raw(`{}`), false},
		{"text and number", raw(`"1"`), raw(`1`), false},
		{"glued and split", []string{"a|b"}, []string{"a", "b"}, false},
		{"composed and decomposed", raw(`"\u00e9"`), raw(`"e\u0301"`), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, errA := runs.KeyOf("acme", "x.y", tt.a)
			b, errB := runs.KeyOf("acme", "x.y", tt.b)
			if errA != nil || errB != nil || (a == b) != tt.same {
				t.Errorf("keys %s, %s (%v, %v); want equal: %v", a, b, errA, errB, tt.same)
			}
		})
	}
}

// The parts of a key cannot run into each other.
func TestKeyParts(t *testing.T) {
	seen := map[runs.Key]string{}
	for _, p := range [][3]string{{"a", "b.c", "d"}, {"a.b", "c", "d"}, {"a", "b", "c.d"}, {"ab", "c", "d"}, {"a", "bc", "d"}, {"", "abc", "d"}} {
		k, err := runs.KeyOf(p[0], runs.Type(p[1]), p[2])
		if err != nil {
			t.Fatalf("KeyOf: %v", err)
		}
		if other, ok := seen[k]; ok {
			t.Errorf("%v and %s share a key", p, other)
		}
		seen[k] = strings.Join(p[:], ",")
	}
}

func TestKeyRefuses(t *testing.T) {
	for name, identity := range map[string]any{
		"func":          func() {},
		"broken JSON":   json.RawMessage(`{`),
		"equal members": json.RawMessage(`{"a":1,"a":2}`),
	} {
		if k, err := runs.KeyOf("acme", "x.y", identity); err == nil {
			t.Errorf("%s has the key %s", name, k)
		} else {
			wantErr(t, name, err, runs.ErrInvalid)
		}
	}
}

func TestOnceForSeparatesActors(t *testing.T) {
	seen := map[string]bool{}
	for _, once := range []string{
		runs.OnceFor(runs.User("a", "A"), "k"),
		runs.OnceFor(runs.User("b", "A"), "k"),
		runs.OnceFor(runs.System("a"), "k"),
		runs.OnceFor(runs.User("a", "A"), "k2"),
		runs.OnceFor(runs.User("a", "A"), "\xff"),
		runs.OnceFor(runs.User("a", "A"), "\xfe"),
	} {
		if once == "" || seen[once] {
			t.Errorf("%q is empty or was seen before", once)
		}
		seen[once] = true
	}
	if got := runs.OnceFor(dana, ""); got != "" {
		t.Errorf("without a key of the client = %q, want nothing", got)
	}
	if a, b := runs.OnceFor(runs.User("a", "A"), "k"), runs.OnceFor(runs.User("a", "renamed"), "k"); a != b {
		t.Error("a renamed actor has another key")
	}
}

func FuzzKeyOf(f *testing.F) {
	for _, s := range []string{`{}`, `{"b":[1,2.50,"x"],"a":null}`, `"\ud83d\ude00"`, `1e400`, `-0`, `[[[]]]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := runs.KeyOf("acme", "x.y", json.RawMessage(s))
		if err != nil {
			return
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, []byte(s), " ", "\t"); err != nil {
			t.Fatalf("%q has a key and is not JSON: %v", s, err)
		}
		if again, err := runs.KeyOf("acme", "x.y", json.RawMessage(spaced.Bytes())); err != nil || again != k {
			t.Errorf("%q: key %s, with spaces %s, %v", s, k, again, err)
		}
		if other, _ := runs.KeyOf("globex", "x.y", json.RawMessage(s)); other == k {
			t.Errorf("%q: two tenants share %s", s, k)
		}
	})
}

// IDs sort by age, also within a millisecond and when the clock steps back.
func TestIDs(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steps := []time.Duration{0, 0, time.Millisecond, -time.Hour, 0, 2 * time.Hour}
	i := 0
	tracker := newTracker(t, runs.Config{
		Dispatcher: dispatchFunc(accept),
		Now:        func() time.Time { return now },
	})
	var ids []string
	for range 5000 {
		now = now.Add(steps[i%len(steps)])
		i++
		s := start(t, tracker, request(selection{Kinds: []string{time.Duration(i).String()}}))
		ids = append(ids, s.Run.ID)
	}
	for i, id := range ids {
		if len(id) != 36 || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Fatalf("%q is no UUID of version 7", id)
		}
		if i > 0 && id <= ids[i-1] {
			t.Fatalf("ID %d, %s, is not after %s", i, id, ids[i-1])
		}
	}
	if diff := cmp.Diff(ids[0][28:], runs.Ref{ID: ids[0]}.Short()); diff != "" {
		t.Errorf("short form (-want +got):\n%s", diff)
	}
}
