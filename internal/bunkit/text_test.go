package bunkit_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

func TestClean(t *testing.T) {
	for s, want := range map[string]string{"": "", "Größe": "Größe", "a\x00b": "a\uFFFDb", "a\xffb": "a\uFFFDb"} {
		if got := bunkit.Clean(s); got != want || !bunkit.Storable(got) {
			t.Errorf("Clean(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		size        int
		begin, rest string
	}{{9, "aüb", ""}, {4, "aüb", ""}, {3, "aü", "b"}, {2, "a", "üb"}, {1, "a", "üb"}, {0, "", "aüb"}} {
		if begin, rest := bunkit.Cut("aüb", c.size); begin != c.begin || rest != c.rest {
			t.Errorf("Cut(aüb, %d) = %q, %q; want %q, %q", c.size, begin, rest, c.begin, c.rest)
		}
	}
}
