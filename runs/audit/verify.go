package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Damage is what is wrong with a chain.
type Damage string

// What can be wrong.
const (
	Altered   Damage = "altered"   // the entry is not what was recorded
	Inserted  Damage = "inserted"  // an entry stands there that was not recorded there
	Deleted   Damage = "deleted"   // the entry is missing, later ones are there
	Reordered Damage = "reordered" // the entry is there, but not in its place
	Truncated Damage = "truncated" // the entry is missing, and so are all later ones
)

// ErrBroken is reported for what cannot be done with a chain, or with its end,
// that is not as it was recorded; [Log.Verify] says more. A missing key looks the
// same.
var ErrBroken = errors.New("the audit is not as it was recorded")

// A Problem is the first place in a chain that is not as it was recorded. What
// comes after it may be as well or not.
type Problem struct {
	Seq    int64
	Damage Damage

	// Key is the ID of a key that the entry names and that the Log has not got,
	// in case it was forgotten.
	Key string
}

// A Report is what [Log.Verify] has found.
type Report struct {
	Tenant  string
	First   int64 // the number of the first entry that is kept
	Last    int64 // the number of the last entry that is right
	Problem *Problem
}

// Verify reads a tenant's chain from its beginning and reports the first
// problem in it, or none. It also checks that the chain goes through the known
// checkpoints; it reports [runs.ErrInvalid] for one that nobody with one of the
// keys has made for this tenant. It reads a thousand entries at a time.
func (l *Log) Verify(ctx context.Context, tenant string, known ...Checkpoint) (Report, error) {
	for tries := 0; ; tries++ {
		h, err := l.head(ctx, tenant)
		if err != nil {
			return Report{}, fmt.Errorf("verify: %w", err)
		}
		report, err := l.ring.verify(tenant, l.rows(ctx, tenant), h, known)
		if err != nil {
			return Report{}, fmt.Errorf("verify: %w", err)
		}
		if report.Problem == nil || tries == 3 {
			return report, nil
		}
		// What looks deleted may have been pruned meanwhile.
		if again, err := l.cfg.Store.Head(ctx, tenant); err != nil || again.Base == h.Base {
			return report, err
		}
	}
}

const readRows = 1000

// rows are all rows of a tenant, also those with numbers that there cannot be.
func (l *Log) rows(ctx context.Context, tenant string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for after := int64(math.MinInt64); ; {
			rows, err := l.cfg.Store.Rows(ctx, tenant, after, readRows)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
				after = row.Seq
			}
			if len(rows) < readRows {
				return
			}
		}
	}
}

// A verifier goes along a chain.
type verifier struct {
	ring   ring
	tenant string
	known  []Checkpoint
	next   int64  // the number to come
	prev   []byte // the seal before it
}

// A suspicion is a problem of which the kind depends on what comes later:
// whether one of the entries from Seq up to, not including, end is there.
type suspicion struct {
	Problem
	end       int64
	otherwise Damage // if it is not
}

func (r ring) verify(tenant string, rows iter.Seq2[Row, error], h Head, known []Checkpoint) (Report, error) {
	for _, c := range known {
		if !r.genuine(c, kindLast, tenant) {
			return Report{}, fmt.Errorf("%w: a checkpoint that nobody with one of the keys has made for %s", runs.ErrInvalid, tenant)
		}
	}
	report := Report{Tenant: tenant, First: 1}
	base, err := r.checked(h.Base, kindBase, tenant)
	if err != nil {
		report.Problem = &Problem{Seq: 1, Damage: Deleted}
		return report, nil //nolint:nilerr // that nobody vouches for the beginning is the finding
	}
	v := verifier{ring: r, tenant: tenant, known: known, next: base.Seq + 1, prev: base.Sum}
	report.First = v.next
	for _, c := range known {
		if base.Seq > 0 && !c.same(base.Seq, base.Sum) {
			report.Problem = &Problem{Seq: base.Seq, Damage: Altered}
			return report, nil
		}
	}
	last, lastErr := r.checked(h.Last, kindLast, tenant)
	if lastErr == nil {
		v.known = append(slices.Clip(v.known), last)
	}
	found, err := v.walk(rows)
	report.Last = v.next - 1
	switch {
	case err != nil:
		return Report{}, err
	case found != nil:
		if found.Damage == Altered && lastErr == nil && found.Seq > last.Seq {
			found.Damage = Inserted // behind the end
		}
		report.Problem = found
	case lastErr != nil || h.Last == "" && v.next > 1: // nobody vouches for the end
		report.Problem = &Problem{Seq: v.next, Damage: Truncated}
	default:
		for _, c := range v.known {
			if c.Seq >= v.next {
				report.Problem = &Problem{Seq: v.next, Damage: Truncated}
			}
		}
	}
	return report, nil
}

// walk goes along rows to the first problem, and further only as far as it
// takes to name it.
func (v *verifier) walk(rows iter.Seq2[Row, error]) (*Problem, error) {
	var s *suspicion
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if s != nil {
			if b, ok := v.ring.open(v.tenant, row); ok && b.Seq >= s.Seq && b.Seq < s.end {
				return &s.Problem, nil
			}
			continue
		}
		s = v.step(row)
		if s != nil && s.end == 0 {
			return &s.Problem, nil
		}
	}
	if s == nil {
		return nil, nil
	}
	s.Damage = s.otherwise
	return &s.Problem, nil
}

// step takes the next row, and returns nothing if it is the one to come.
func (v *verifier) step(row Row) *suspicion {
	b, ok := v.ring.open(v.tenant, row)
	here := Problem{Seq: v.next}
	switch {
	case !ok:
		if _, have := v.ring.secrets[b.Key]; !have {
			here.Key = b.Key
		}
		here.Damage = Inserted
		return &suspicion{here, v.next + 1, Altered}
	case b.Seq > v.next:
		here.Damage = Reordered
		return &suspicion{here, b.Seq, Deleted}
	case b.Seq < v.next: // it stands somewhere else too
		here.Damage = Inserted
		return &suspicion{here, v.next + 1, Altered}
	}
	here.Damage = Altered
	if row.Seq != b.Seq || row.Index != IndexOf(b.Entry) || !bytes.Equal(b.Prev, v.prev) {
		return &suspicion{Problem: here}
	}
	for _, c := range v.known {
		if !c.same(b.Seq, row.Seal) {
			return &suspicion{Problem: here}
		}
	}
	v.next, v.prev = b.Seq+1, row.Seal
	return nil
}
