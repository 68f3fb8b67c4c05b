package memruns

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndex does random things to an index and to a sorted list.
func TestIndex(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		x := index[int]{compare: cmp.Compare[int]}
		var want []int
		const most = 6 * chunkSize
		for i := range 20_000 {
			v := rng.IntN(most)
			if i%3 == 0 && seed == 3 {
				v = most + i // mostly in order, as IDs are
			}
			pos, found := slices.BinarySearch(want, v)
			switch grow := i < 10_000; {
			case rng.IntN(3) == 0 == grow:
				x.remove(v)
				if found {
					want = slices.Delete(want, pos, pos+1)
				}
			default:
				x.add(v)
				if !found {
					want = slices.Insert(want, pos, v)
				}
			}
			if i%500 == 0 {
				compareIndex(t, &x, want)
			}
		}
		compareIndex(t, &x, want)
		for _, v := range slices.Clone(want) {
			x.remove(v)
		}
		compareIndex(t, &x, nil)
	}
}

func compareIndex(t *testing.T, x *index[int], want []int) {
	t.Helper()
	var forward, back []int
	w := x.first()
	for v, ok := w.value(); ok; v, ok = w.value() {
		forward = append(forward, v)
		w.forward()
	}
	w = x.last()
	for v, ok := w.value(); ok; v, ok = w.value() {
		back = append(back, v)
		w.back()
	}
	slices.Reverse(back)
	if !slices.Equal(forward, want) || !slices.Equal(back, want) || x.size != len(want) {
		t.Fatalf("%d values forward, %d back, size %d, want %d; or others", len(forward), len(back), x.size, len(want))
	}
	for _, v := range []int{-1, len(want) / 2, len(want), 1 << 30} {
		pos, _ := slices.BinarySearch(want, v)
		w := x.from(v)
		if got, ok := w.value(); ok != (pos < len(want)) || ok && got != want[pos] {
			t.Fatalf("from %d: %d, %v", v, got, ok)
		}
		w.back()
		if got, ok := w.value(); ok != (pos > 0) || ok && got != want[pos-1] {
			t.Fatalf("before %d: %d, %v", v, got, ok)
		}
	}
	for _, c := range x.chunks {
		if len(c) == 0 || len(c) > chunkSize {
			t.Fatalf("a chunk of %d values, want 1 to %d", len(c), chunkSize)
		}
	}
}
