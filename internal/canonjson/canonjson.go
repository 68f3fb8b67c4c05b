// Package canonjson writes JSON documents in one canonical form and hashes it.
//
// Two documents have the same canonical form exactly if they say the same:
//
//   - object members are sorted by the UTF-8 bytes of their decoded keys; a key
//     that occurs twice is an error;
//   - there is no white space between tokens;
//   - strings are decoded and written again with as few escapes as JSON allows,
//     so that "\u00e9" and "é" are equal. Unicode normal forms are not unified:
//     a composed and a decomposed é stay different. Bytes that are not UTF-8 and
//     lone surrogates are an error, for there is no text that they stand for;
//   - numbers are compared as exact decimals, never as float64: 1, 1.0 and 10e-1
//     are equal, -0 is 0, and 2^53 and 2^53+1 differ. From 1e-7 up to, but not
//     including, 1e21 they are written plainly, beyond that with an exponent, so
//     that a short input cannot become a long output;
//   - arrays keep their order, unless [Options] say that order has no meaning.
//
// The form is valid JSON. It resembles RFC 8785, which rounds numbers to float64
// and sorts keys by UTF-16 and is therefore of no use for keys and fingerprints.
//
// The form and its hashes are stored, so they never change: the vectors in
// TestHash fix them.
package canonjson

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// MaxDepth is how many objects and arrays may be nested in each other.
const MaxDepth = 512

// MaxExponent limits the exponent that a number needs when it is written with
// one digit before its point. Larger ones are valid JSON and nothing that a
// program can calculate with.
const MaxExponent = 1_000_000

var (
	// ErrSyntax is reported for input that is not exactly one JSON document.
	ErrSyntax = errors.New("invalid JSON")

	// ErrDuplicateKey is reported for an object that has two members of the
	// same name, also when [Options] drop them.
	ErrDuplicateKey = errors.New("duplicate key")

	// ErrText is reported for a string that is no text: it has bytes that are
	// not UTF-8, or an escape for one half of a surrogate pair.
	ErrText = errors.New("string is not Unicode text")

	// ErrRange is reported for a number beyond [MaxExponent].
	ErrRange = errors.New("number out of range")

	// ErrDepth is reported for nesting beyond [MaxDepth].
	ErrDepth = errors.New("nested too deeply")
)

// An Error says where in the input a document stopped being canonicalisable.
// It holds none of the document's content.
type Error struct {
	Offset int   // in bytes from the start of the input
	Err    error // one of this package's errors
}

func (e *Error) Error() string { return fmt.Sprintf("%v at offset %d", e.Err, e.Offset) }

func (e *Error) Unwrap() error { return e.Err }

// A Path says where a member is: the decoded keys of the members around it,
// outermost first, and its own key last. Arrays add nothing to it, so the
// members of all objects in an array have the same paths. It is never empty,
// and valid only during the call that it is passed to.
type Path [][]byte

// Key returns the member's own key.
func (p Path) Key() []byte { return p[len(p)-1] }

// Options say what does not count when documents are compared. The zero value
// leaves everything in. The functions are called on the goroutine that
// canonicalises, must not keep their arguments, and must answer by them alone.
type Options struct {
	// Drop reports whether the member at path is left out. It is asked after
	// the value has become canonical itself, so it can compare value with a
	// default. Nil drops nothing.
	Drop func(path Path, value []byte) bool

	// DropNull leaves out every member whose value is null, so that null and
	// missing are equal. Elements of arrays stay.
	DropNull bool

	// Unordered reports whether the array that is the value of the member at
	// path is a set: its elements are then sorted by their canonical form.
	// Equal elements all stay. Arrays directly within arrays and a document
	// that is an array are never asked for. Nil keeps all arrays in order.
	Unordered func(path Path) bool
}

// An Encoder canonicalises documents one after the other and reuses its memory,
// so that from the second document of a size on it allocates nothing. The zero
// value is ready. It must not be copied after its first use, nor used by several
// goroutines at a time.
type Encoder struct {
	Options Options

	src     []byte // the input
	pos     int    // what of src has been read
	dst     []byte // the output, complete up to the innermost open value
	depth   int
	members []member // of all open objects and sets, innermost last
	path    Path     // kept only if Options need it
	num     []byte   // the memory of a number's digits
	sum     []byte   // the memory of Sum
}

// Append appends the canonical form of src to dst and returns the result. After
// an error, which is always an [*Error], it returns dst as it was.
// The memory of src and dst must not overlap.
func (e *Encoder) Append(dst, src []byte) ([]byte, error) {
	e.src, e.pos, e.dst = src, 0, dst
	e.depth, e.members, e.path = 0, e.members[:0], e.path[:0]
	err := e.document()
	out := e.dst
	e.src, e.dst = nil, nil
	clear(e.path[:cap(e.path)]) // it points into src
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Sum returns the SHA-256 of the canonical form of src. Its errors are those of
// [Encoder.Append].
func (e *Encoder) Sum(src []byte) ([sha256.Size]byte, error) {
	out, err := e.Append(e.sum[:0], src)
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	e.sum = out
	return sha256.Sum256(out), nil
}

// Canonical appends the canonical form of src to dst and returns the result. It
// is [Encoder.Append] without options; who has many documents keeps an Encoder.
// It is safe for concurrent use.
func Canonical(dst, src []byte) ([]byte, error) {
	var e Encoder
	return e.Append(dst, src)
}

// Hash returns the SHA-256 of the canonical form of src. It is [Encoder.Sum]
// without options; who has many documents keeps an Encoder. It is safe for
// concurrent use.
func Hash(src []byte) ([sha256.Size]byte, error) {
	// Sorting borrows room behind the output: at most as much again.
	e := Encoder{sum: make([]byte, 0, 2*len(src)+64), members: make([]member, 0, 32)}
	return e.Sum(src)
}
