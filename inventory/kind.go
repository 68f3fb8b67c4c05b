package inventory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A kind is what a sync knows of one kind while it lists it, which can be in
// several collections.
type kind struct {
	job *job
	typ *contract.Type

	mu      sync.Mutex
	begun   bool
	known   Known
	at      time.Time // of the coverage and everything that is seen
	full    bool      // everything is to be read whole
	open    int       // collections that are not done
	absent  int       // collections that the tenant does not have
	lists   int       // collections in all
	seen    map[string]struct{}
	cover   Coverage
	failure error // why the kind is not covered
	over    bool  // there is no use in reading more of it
}

func newKind(j *job, t *contract.Type) *kind {
	return &kind{job: j, typ: t, seen: make(map[string]struct{}), cover: Coverage{Kind: t.Key}}
}

// begin loads what is known. It is called once for each of the collections.
func (k *kind) begin(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.begun {
		return nil
	}
	known, err := k.job.cfg.Store.Known(ctx, k.job.sync.Tenant, k.typ.Key)
	if err != nil {
		return fmt.Errorf("known %s: %w", k.typ.Key, err)
	}
	now := runs.Instant(k.job.cfg.Now())
	k.begun, k.known = true, known
	k.full = k.job.cfg.FullRead < 0 || !now.Before(known.FullAt.Add(k.job.cfg.FullRead))
	// Clocks of several processes differ, and one can step back; the order of
	// coverages must not depend on that.
	k.at = now
	if !k.at.After(known.CoveredAt) {
		k.at = known.CoveredAt.Add(time.Microsecond)
	}
	k.cover.Full = k.full
	return nil
}

// update changes the figures of the coverage.
func (k *kind) update(change func(c *Coverage)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.cover)
}

// fail records why the kind is not covered; the first reason counts.
func (k *kind) fail(err error) {
	k.lack(err)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
}

// lack records that an object is not covered, and so neither is the kind: the
// object could be any of those that are known. It costs no other one anything.
func (k *kind) lack(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure == nil {
		k.failure = err
	}
}

// reject records why an object is not covered, unless it is the store's fault,
// which is everybody's.
func (k *kind) reject(err error) error {
	if errors.Is(err, errStore) {
		return err
	}
	k.fail(err)
	return nil
}

// failed reports whether there is no use in reading more of the kind.
func (k *kind) failed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.over
}

// accept turns what was listed into an object. It reports false for one that
// came before.
func (k *kind) accept(l contract.List, at Listed, h *hasher) (object, bool, error) {
	summary, err := k.typ.Summarize(at.Doc)
	if err != nil {
		return object{}, false, runs.Public(err, runs.ReasonBadResponse, "")
	}
	id := ItemID(k.typ, l, summary.ID)
	if id == "" {
		return object{}, false, runs.Public(nil, runs.ReasonBadResponse, "The service listed an object without an ID that can be used.")
	}
	o := object{kind: k, id: id, summary: summary, want: NewWant(k.typ, l, at, summary)}
	if !k.note(id) {
		return object{}, false, nil
	}
	o.trace, o.known = k.known.Items[id]
	return o, true, o.plan(k.full, h)
}

// note notes that an object was listed, and reports whether that is the first
// time.
func (k *kind) note(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cover.Listed++
	if _, again := k.seen[id]; again {
		k.cover.Repeated++
		k.job.x.Add(CountRepeated, 1)
		return false
	}
	k.seen[id] = struct{}{}
	return true
}

// vanished takes back an object that was gone when it was to be read.
func (k *kind) vanished(o object) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.seen, o.id)
	k.cover.Vanished++
}

// done settles the kind when the last of its collections is done.
func (k *kind) done(ctx context.Context, absent bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open--
	if absent {
		k.absent++
	}
	if k.open > 0 {
		return nil
	}
	k.cover.At = k.at
	k.cover.Status = runs.ItemSucceeded
	switch {
	case k.failure != nil:
		failure, _ := runs.FailureOf(k.failure)
		k.cover.Status, k.cover.Reason = runs.ItemFailed, failure.Reason
	case k.absent == k.lists:
		k.cover.Status, k.cover.Reason = runs.ItemSkipped, runs.ReasonUnsupported
	}
	var missed []string
	if k.cover.Status == runs.ItemSucceeded {
		missed = k.missed()
	}
	if err := k.job.cfg.Store.Cover(ctx, k.job.sync, k.cover, missed); err != nil {
		return fmt.Errorf("cover %s: %w", k.typ.Key, err)
	}
	k.job.settled(k.cover)
	switch k.cover.Status {
	case runs.ItemSucceeded:
		k.job.x.Succeed(k.typ.Key)
	case runs.ItemFailed:
		k.job.x.Fail(k.typ.Key, k.failure)
	case runs.ItemSkipped:
		k.job.x.Skip(k.typ.Key, k.cover.Reason)
	}
	return nil
}

// missed returns the ids of the known items that were not seen.
func (k *kind) missed() []string {
	var ids []string
	for id := range k.known.Items {
		if _, seen := k.seen[id]; !seen {
			ids = append(ids, id)
		}
	}
	return ids
}
