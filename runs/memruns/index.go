package memruns

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
)

// chunkSize is the largest number of values in one chunk of an index.
const chunkSize = 512

// An index is an ordered set. It is kept in chunks, so that a change moves a
// few hundred values however many there are.
type index[T any] struct {
	compare func(a, b T) int
	chunks  [][]T // none is empty
	size    int
}

// locate returns where v is, or where it would have to be inserted. The chunk
// may be one past the last.
func (x *index[T]) locate(v T) (chunk, pos int, found bool) {
	chunk, _ = slices.BinarySearchFunc(x.chunks, v, func(c []T, v T) int {
		return x.compare(c[len(c)-1], v)
	})
	if chunk == len(x.chunks) {
		return chunk, 0, false
	}
	pos, found = slices.BinarySearchFunc(x.chunks[chunk], v, x.compare)
	return chunk, pos, found
}

func (x *index[T]) add(v T) {
	c, pos, found := x.locate(v)
	if found {
		x.chunks[c][pos] = v
		return
	}
	x.size++
	if c == len(x.chunks) {
		if c == 0 {
			x.chunks = append(x.chunks, []T{v})
			return
		}
		c--
		pos = len(x.chunks[c])
	}
	x.chunks[c] = slices.Insert(x.chunks[c], pos, v)
	full := x.chunks[c]
	if len(full) <= chunkSize {
		return
	}
	// What comes in order, as IDs mostly do, leaves full chunks behind.
	half := chunkSize / 2
	if c == len(x.chunks)-1 {
		half = chunkSize
	}
	rest := append(make([]T, 0, chunkSize+1), full[half:]...)
	clear(full[half:])
	x.chunks[c] = full[:half]
	x.chunks = slices.Insert(x.chunks, c+1, rest)
}

func (x *index[T]) remove(v T) {
	c, pos, found := x.locate(v)
	if !found {
		return
	}
	x.size--
	x.chunks[c] = slices.Delete(x.chunks[c], pos, pos+1)
	if len(x.chunks[c]) == 0 {
		x.chunks = slices.Delete(x.chunks, c, c+1)
	}
}

// A walk is a position in an index, which must not change meanwhile.
type walk[T any] struct {
	x          *index[T]
	chunk, pos int
}

// from is at the first value that is not less than v.
func (x *index[T]) from(v T) walk[T] {
	c, pos, _ := x.locate(v)
	return walk[T]{x, c, pos}
}

// first is at the least value.
func (x *index[T]) first() walk[T] { return walk[T]{x, 0, 0} }

// last is at the greatest value.
func (x *index[T]) last() walk[T] {
	w := walk[T]{x, len(x.chunks), 0}
	w.back()
	return w
}

// value returns the value at w, unless w has left the index.
func (w *walk[T]) value() (v T, ok bool) {
	if w.chunk < 0 || w.chunk >= len(w.x.chunks) {
		return v, false
	}
	return w.x.chunks[w.chunk][w.pos], true
}

func (w *walk[T]) forward() {
	if w.pos++; w.pos >= len(w.x.chunks[w.chunk]) {
		w.chunk, w.pos = w.chunk+1, 0
	}
}

func (w *walk[T]) back() {
	if w.pos--; w.pos < 0 {
		if w.chunk--; w.chunk >= 0 {
			w.pos = len(w.x.chunks[w.chunk]) - 1
		}
	}
}

// An entry is the place of a run, whatever becomes of the run.
type entry struct {
	id  string
	run *runs.Run // replaced by every update, never changed
}

// A mark says that an entry has something at an instant, in microseconds. Marks
// without an instant are in the order of the IDs.
type mark struct {
	at    int64
	entry *entry
}

func compareMarks(a, b mark) int {
	return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.entry.id, b.entry.id))
}

func byID(e *entry) mark { return mark{entry: e} }
