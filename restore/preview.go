package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// PreviewType is the type of the runs that compare a restore with what is there.
// Their params are a [PreviewInput].
const PreviewType runs.Type = "restore.preview"

// A PreviewInput names the restore.
type PreviewInput struct {
	Restore string `json:"restore"`

	called string // its set, when the run is planned
}

// PreviewOperation returns the operation "restore.preview". Its runs read the
// target and write nothing to it. They count the items of the restore: one
// succeeds if it is clear what is to be done with it, is skipped if nothing is,
// and fails with the reason if it cannot be restored as it is.
func PreviewOperation(cfg Config) runs.Operation {
	cfg = cfg.complete()
	spec := runs.Spec[PreviewInput]{
		Type:        PreviewType,
		Label:       "Restore preview",
		Description: "Compares a backup with the tenant and says what a restore would change.",
		Prepare: func(ctx context.Context, tenant string, in *PreviewInput) error {
			r, err := cfg.known(ctx, tenant, in.Restore)
			in.called = cfg.nameOf(ctx, r)
			return err
		},
		Lane:     func(PreviewInput) string { return lane },
		Target:   func(in PreviewInput) runs.Target { return targetOf(in.Restore, in.called) },
		Timeout:  cfg.Timeout,
		Expected: cfg.Expected,
	}
	if cfg.executes() {
		spec.Handle = cfg.preview
	}
	return spec.Operation()
}

func (cfg Config) executes() bool {
	return cfg.Store != nil && cfg.Backups != nil && cfg.Vault != nil && cfg.Target != nil
}

// lane is that of all previews and executions of a tenant. What one creates, the
// next one has to see.
const lane = "restore"

func targetOf(restore, name string) runs.Target {
	return runs.Target{Kind: "restore", ID: restore, Name: name}
}

// nameOf is what people call a restore: the name of its set, if that can be had.
func (cfg Config) nameOf(ctx context.Context, r *Restore) string {
	if r == nil || cfg.Backups == nil {
		return ""
	}
	set, err := cfg.Backups.GetSet(ctx, r.Tenant, r.Set)
	if err != nil {
		return ""
	}
	return set.Name
}

// known refuses a restore that the tenant does not have.
func (cfg Config) known(ctx context.Context, tenant, id string) (*Restore, error) {
	if id == "" {
		return nil, refuse("The params have no restore, which is the ID of one.")
	}
	if cfg.Store == nil {
		return nil, nil // whoever executes the run will know
	}
	r, err := cfg.Store.Get(ctx, tenant, id)
	if errors.Is(err, ErrNotFound) {
		err = runs.Public(err, runs.ReasonNotFound, "There is no such restore.")
	}
	return r, err
}

func (cfg Config) preview(ctx context.Context, x *runs.Exec, in PreviewInput) error {
	j, err := cfg.open(ctx, x, in.Restore)
	if err != nil {
		return err
	}
	if err := j.settled(ctx); err != nil {
		return err
	}
	fingerprint := j.r.Fingerprint()
	set, err := cfg.Backups.GetSet(ctx, j.r.Tenant, j.r.Set)
	if err != nil {
		return damaged(err)
	}
	if err := j.fence(ctx); err != nil {
		return err
	}
	x.Total(int64(len(j.items)))
	for _, e := range j.items {
		if err := j.describe(ctx, e); err != nil {
			return err
		}
	}
	if j.live, err = j.list(ctx, j.types()); err != nil {
		return err
	}
	if err := j.match(ctx); err != nil {
		return err
	}
	j.circles()
	if err := j.begin(ctx); err != nil {
		return err
	}
	if err := j.compareAll(ctx); err != nil {
		return err
	}
	return j.finishPreview(ctx, fingerprint, set.Complete)
}

// settled refuses a preview while it is not known what became of an earlier
// execution: an object that was created and cannot be seen yet would be created
// again.
func (j *job) settled(ctx context.Context) error {
	now := j.cfg.Now()
	open := false
	err := eachItem(ctx, j.cfg.Store, ItemQuery{Tenant: j.r.Tenant, Restore: j.r.ID}, func(i *Item) {
		open = open || i.Step == Intent && now.Before(i.IntentAt.Add(j.cfg.Window))
	})
	if err == nil && open {
		err = runs.Public(nil, runs.ReasonNotReady, "It is not known yet what became of the last execution. Execute the restore again, or wait a quarter of an hour.")
	}
	return err
}

// begin stores all items without a decision, so that whoever watches sees each in
// the place where its decision will be.
func (j *job) begin(ctx context.Context) error {
	if err := j.cfg.Store.Clear(ctx, j.r.Tenant, j.r.ID, j.r.Fence); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for chunk := range slices.Chunk(j.items, 500) {
		rows := make([]Item, len(chunk))
		for i, e := range chunk {
			rows[i] = Item{Ref: e.Ref, Name: e.Name, Version: e.Version, Step: Planned}
		}
		if err := j.cfg.Store.Put(ctx, j.r.Tenant, j.r.ID, j.r.Fence, rows); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

// fence makes this run the only one that may write the items.
func (j *job) fence(ctx context.Context) error {
	for {
		j.r.Fence++
		err := j.cfg.Store.Replace(ctx, j.r)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if j.r, err = j.cfg.Store.Get(ctx, j.r.Tenant, j.r.ID); err != nil {
			return err
		}
	}
}

// types returns the kinds of the items that are not skipped.
func (j *job) types() []*contract.Type {
	kinds := make(map[string]*contract.Type)
	for _, e := range j.items {
		if e.Decision == "" {
			kinds[e.Kind] = e.typ
		}
	}
	var types []*contract.Type
	for _, key := range slices.Sorted(maps.Keys(kinds)) {
		types = append(types, kinds[key])
	}
	return types
}

// explanations says what somebody can do about the reasons of this package.
var explanations = map[runs.Reason]string{ //nolint:gochecknoglobals // a constant table
	ReasonUnmapped: "It refers to something of which this tenant has no counterpart that is known. Sync its inventory and groups, map it, or skip it.",
	ReasonSkipped:  "It needs something that the mapping gives up.",
	ReasonPending:  "It depends on an object that is not restored.",
	ReasonSecret:   "It has a secret that the service does not give away, so that a restore would write a mask. Create it by hand, or leave it out.",
	ReasonConsent:  "Objects of this kind are restored only if somebody agrees to that kind by name.",
	ReasonProvided: "The service makes this object itself.",
}

func explain(r runs.Reason) string {
	if text, ok := explanations[r]; ok {
		return text
	}
	return r.Sentence()
}

// report says of an item of a preview what was decided.
func (j *job) report(e *entry) {
	switch e.Decision {
	case Create, Update, Unchanged:
		j.x.Succeed(e.key())
	case Skip:
		j.x.Skip(e.key(), e.Reason)
	case Conflict, Blocked, NeedsInput, Ambiguous:
		j.x.Fail(e.key(), runs.Public(nil, e.Reason, e.Message))
	}
}

// finishPreview stores what the preview has found, if the plan is still the one
// that it was made of. Complete says that the set has everything that was asked for.
func (j *job) finishPreview(ctx context.Context, fingerprint string, complete bool) error {
	p := &Preview{Run: j.x.Run().ID, At: runs.Instant(j.cfg.Now()), Fingerprint: fingerprint, Decisions: make(map[Decision]int)}
	for _, e := range j.items {
		p.Decisions[e.Decision]++
		if e.Decision.Writes() {
			p.Approvals++
			if e.typ.Write.Consent != "" && e.Kind != guarded {
				p.Consent = append(p.Consent, e.Kind)
			}
		}
	}
	if !complete {
		p.Warnings = append(p.Warnings, "The set is partial: not everything that was asked for is in it. Its certificate says what is missing.")
	}
	slices.Sort(p.Consent)
	p.Consent = slices.Compact(p.Consent)
	open := 0
	for _, m := range j.mappings {
		if !m.settled() && m.Kind == contract.TargetGroup {
			open++
		}
	}
	if open > 0 {
		p.Blockers = append(p.Blockers, Blocker{Reason: ReasonUnmapped, Message: fmt.Sprintf("Groups without an answer: %d. Map each of them, or skip it.", open)})
	}
	fence := j.r.Fence
	for {
		r, err := j.cfg.Store.Get(ctx, j.r.Tenant, j.r.ID)
		if err != nil {
			return err
		}
		if r.Fence != fence {
			return runs.Public(nil, runs.ReasonConflict, "Another preview or execution of this restore has begun.")
		}
		r.Preview, r.UpdatedAt = p, p.At
		if err = j.cfg.Store.Replace(ctx, r); !errors.Is(err, ErrConflict) {
			return err
		}
	}
}
