// Package restoretest tests implementations of [backup.Store] and
// [restore.Store].
//
// A driver's own test is two calls:
//
//	func TestStore(t *testing.T) {
//		restoretest.TestBackupStore(t, func(t testing.TB) backup.Store { return open(t) })
//		restoretest.TestRestoreStore(t, func(t testing.TB) restore.Store { return open(t) })
//	}
package restoretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestBackupStore checks that the stores open returns keep every promise made
// by [backup.Store]. It calls open once for each promise; every store must be
// empty.
func TestBackupStore(t *testing.T, open func(t testing.TB) backup.Store) {
	test(t, backupPromises(), open)
}

// TestRestoreStore does the same for [restore.Store].
func TestRestoreStore(t *testing.T, open func(t testing.TB) restore.Store) {
	test(t, restorePromises(), open)
}

// A promise is one sentence of the documentation. Its check returns an error
// rather than failing a test, so that restoretest can be tested.
type promise[S any] struct {
	name, text string
	check      func(ctx context.Context, s S) error
}

func test[S any](t *testing.T, promises []promise[S], open func(t testing.TB) S) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

func backupPromises() []promise[backup.Store] {
	return slices.Concat(setPromises, stagePromises, itemPromises, chainPromises, backupPromisesOfAll)
}

func restorePromises() []promise[restore.Store] {
	return slices.Concat(documentPromises, journalPromises, memoryPromises, restorePromisesOfAll)
}

// The tenants of the tests, and somebody.
const (
	acme   = "acme"
	globex = "globex"
)

var dana = runs.User("dana", "Dana “D”")

// at returns an instant so many minutes after the first.
func at(minutes int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// A script goes on step by step until one fails.
type script struct {
	ctx context.Context //nolint:containedctx // lives as long as one check
	err error
}

func (s *script) step(name string, do func() error) {
	if s.err != nil {
		return
	}
	if err := do(); err != nil {
		s.err = fmt.Errorf("%s: %w", name, err)
	}
}

// want compares what a step gave with what it should have given.
func (s *script) want(what string, want, got any) {
	s.step(what, func() error {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		return fmt.Errorf("got %s, want %s", text(got), text(want))
	})
}

// wantErr expects an error.
func (s *script) wantErr(what string, want error, do func() error) {
	s.step(what, func() error {
		switch err := do(); {
		case err == nil:
			return fmt.Errorf("got no error, want %w", want)
		case !errors.Is(err, want):
			return fmt.Errorf("got error %w, want %w", err, want)
		}
		return nil
	})
}

// text shows v in an error.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v", v)
	}
	return string(raw)
}

// maxPages is how many pages a list of the tests has at most.
const maxPages = 100

var errPages = errors.New("the pages do not end")

// calls are those of a store by what they do.
type calls map[string]func() error
