// Package audittest tests implementations of [audit.Store].
//
// A driver's own test is one call:
//
//	func TestStore(t *testing.T) {
//		audittest.TestStore(t, func(t testing.TB) audit.Store { return open(t) })
//	}
package audittest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// TestStore checks that the stores open returns keep every promise of
// [audit.Store]. It calls open once for each promise; every store must be empty.
func TestStore(t *testing.T, open func(t testing.TB) audit.Store) {
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

// A promise is one sentence of the documentation. Its check returns an error
// rather than failing a test, so that audittest can be tested.
type promise struct {
	name, text string
	check      func(ctx context.Context, s audit.Store) error
}

func promises() []promise { return slices.Concat(writePromises(), readPromises(), prunePromises()) }

// The tenants of the tests.
const (
	acme   = "acme"
	globex = "globex"
)

// row returns a row with this number, which says who did what.
func row(seq int64, actor, object string, event audit.Event, action runs.Action) audit.Row {
	return audit.Row{
		Seq:   seq,
		Body:  fmt.Appendf(nil, `{"at":"Größe","seq":%d}`, seq),
		Seal:  []byte{0, byte(seq), 0xff, '\''},
		Index: audit.Index{Actor: actor, Object: object, Event: event, Action: action},
	}
}

// plain returns n rows from a number on, with little in them.
func plain(from int64, n int) (rows []audit.Row) {
	for i := range int64(n) {
		rows = append(rows, row(from+i, "user:dana", "run:1", "start", "start"))
	}
	return rows
}

// A script calls a store step by step until one fails.
type script struct {
	audit.Store
	ctx context.Context //nolint:containedctx // lives as long as one check
	err error
}

func on(ctx context.Context, s audit.Store) *script { return &script{Store: s, ctx: ctx} }

func (s *script) step(name string, do func() error) *script {
	if s.err == nil {
		if err := do(); err != nil {
			s.err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return s
}

func (s *script) append(tenant, last, next string, rows ...audit.Row) *script {
	return s.step("append", func() error { return s.Append(s.ctx, tenant, last, next, rows) })
}

func (s *script) prune(tenant, base, next string, upTo int64) *script {
	return s.step("prune", func() error { return s.Prune(s.ctx, tenant, base, next, upTo) })
}

// conflict expects runs.ErrConflict.
func (s *script) conflict(do func() error) *script {
	return s.step("conflict", func() error {
		if err := do(); !errors.Is(err, runs.ErrConflict) {
			return fmt.Errorf("got %w, want runs.ErrConflict", orNone(err))
		}
		return nil
	})
}

var errNone = errors.New("no error")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// head expects the head of a tenant.
func (s *script) head(tenant, last, base string) *script {
	return s.step("head", func() error {
		got, err := s.Head(s.ctx, tenant)
		if want := (audit.Head{Last: last, Base: base}); err == nil && got != want {
			err = fmt.Errorf("got %+v, want %+v", got, want)
		}
		return err
	})
}

// rows expects all rows of a tenant.
func (s *script) rows(tenant string, want ...audit.Row) *script {
	return s.read("rows", want, func() ([]audit.Row, error) { return s.Rows(s.ctx, tenant, 0, 10_000) })
}

func (s *script) read(what string, want []audit.Row, do func() ([]audit.Row, error)) *script {
	return s.step(what, func() error {
		got, err := do()
		if err != nil || len(got)+len(want) == 0 || reflect.DeepEqual(want, got) {
			return err
		}
		return fmt.Errorf("got %s, want %s", text(got), text(want))
	})
}

// text shows rows in an error.
func text(rows []audit.Row) string {
	if len(rows) > 5 {
		return fmt.Sprintf("%d rows from %d to %d", len(rows), rows[0].Seq, rows[len(rows)-1].Seq)
	}
	var s strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&s, "[%d %s %x %+v]", r.Seq, r.Body, r.Seal, r.Index)
	}
	fmt.Fprintf(&s, " (%d rows)", len(rows))
	return s.String()
}

// list expects what f selects, over all pages.
func (s *script) list(tenant string, f audit.Filter, limit int, want ...audit.Row) *script {
	return s.read(fmt.Sprintf("list %+v", f), want, func() (all []audit.Row, err error) {
		for range 1000 {
			page, more, err := s.List(s.ctx, tenant, f, limit)
			if err != nil {
				return nil, err
			}
			if len(page) > limit {
				return nil, fmt.Errorf("a page has %d rows, want %d at most", len(page), limit)
			}
			all = append(all, page...)
			if more == 0 {
				return all, nil
			}
			f.Before = more
		}
		return nil, errors.New("there is no end to the pages")
	})
}
