package bunkit_test

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

func TestCursor(t *testing.T) {
	for _, want := range [][]string{{}, {""}, {"0198"}, {"a", "", "ü\x00\xff"}} {
		got, ok := bunkit.Position(bunkit.Cursor("acme", want...), "acme", len(want))
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("Position of Cursor %q: %v (-want +got):\n%s", want, ok, diff)
		}
	}
}

// The form may change only with its version: pages are bookmarked.
func TestCursorForm(t *testing.T) {
	const want = "AYIrM62HwUigATEDdHdv"
	if got := bunkit.Cursor("acme", "1", "two"); got != want {
		t.Errorf("Cursor = %q, want %q", got, want)
	}
}

func TestPositionRefuses(t *testing.T) {
	good := bunkit.Cursor("acme", "one", "two")
	raw, err := base64.RawURLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	tests := []struct {
		name, cursor, filter string
		n                    int
	}{
		{"another filter", good, "umbrella", 2},
		{"fewer values", good, "acme", 1},
		{"more values", good, "acme", 3},
		{"empty", "", "acme", 2},
		{"no base64", "not a cursor", "acme", 2},
		{"padded", good + "=", "acme", 2},
		{"head only", encode(raw[:9]), "acme", 2},
		{"cut short", encode(raw[:len(raw)-1]), "acme", 2},
		{"longer", encode(append(slices.Clone(raw), 0)), "acme", 2},
		{"another version", encode(append([]byte{2}, raw[1:]...)), "acme", 2},
		{"size beyond the end", encode(append(slices.Clone(raw[:9]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)), "acme", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := bunkit.Position(test.cursor, test.filter, test.n); ok {
				t.Errorf("Position = %q, want it refused", got)
			}
		})
	}
}

// Whatever is taken is what Cursor makes of the same values.
func FuzzPosition(f *testing.F) {
	f.Add(bunkit.Cursor("acme", "one", "two"), 2)
	f.Add("AYIrM62HwUig_____w8", 1)
	f.Fuzz(func(t *testing.T, cursor string, n int) {
		n = min(max(n, 0), 8)
		pos, ok := bunkit.Position(cursor, "acme", n)
		if !ok {
			return
		}
		if len(pos) != n {
			t.Errorf("Position(%q) has %d values, want %d", cursor, len(pos), n)
		}
		again, ok := bunkit.Position(bunkit.Cursor("acme", pos...), "acme", n)
		if diff := cmp.Diff(pos, again); !ok || diff != "" {
			t.Errorf("Position(%q) read again: %v (-first +second):\n%s", cursor, ok, diff)
		}
	})
}
