package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// capture reads the objects of a chunk whole and stages what it has read. Its
// error means that the run cannot go on.
func (j *job) capture(ctx context.Context, c chunk) error {
	wants := make([]inventory.Want, 0, len(c.wants))
	var at []int // of those that are to be read
	var got []captured
	for i, w := range c.wants {
		if w.Content || w.Assignments {
			wants, at = append(wants, w.Want), append(at, i)
			continue
		}
		got = j.take(got, w, inventory.Reading{})
	}
	size := 0
	if len(wants) > 0 {
		for i, r := range j.source.Read(ctx, wants) {
			got = j.take(got, c.wants[at[i]], r)
			if size += len(r.Content) + len(r.Assignments); size >= chunkBytes {
				if err := j.stage(ctx, got); err != nil {
					return err
				}
				got, size = nil, 0
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return j.stage(ctx, got)
}

// A captured is an object that was read.
type captured struct {
	ref     inventory.Ref
	payload Payload
}

// take adds to got what was read, or notes why that cannot be used.
func (j *job) take(got []captured, w want, r inventory.Reading) []captured {
	p, err := j.payload(&w, r)
	if err == nil {
		return append(got, captured{w.ref, *p})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	k := j.kinds[w.ref.Kind]
	if errors.Is(err, inventory.ErrGone) && j.in.All {
		k.report.Vanished++ // it was deleted meanwhile; a moment later nobody would have asked for it
		j.x.Skip(keyOf(w.ref), runs.ReasonGone)
		return got
	}
	if errors.Is(err, inventory.ErrGone) {
		err = runs.Public(err, runs.ReasonGone, "")
	}
	j.lack(k, w.ref, err)
	return got
}

// payload describes an object as it was read.
func (j *job) payload(w *want, r inventory.Reading) (*Payload, error) {
	content, assignments, err := w.Whole(r)
	if err != nil {
		return nil, err
	}
	p := &Payload{
		Ref: w.ref, Name: w.summary.Name, OData: w.summary.OData, Platform: w.summary.Platform, Category: w.Type.Category,
		Path: w.List.Path, Parent: w.Object.Parent, Provided: w.summary.Provided,
		ModifiedAt: runs.Instant(w.summary.Modified), CapturedAt: j.at, Run: j.run.ID, Children: r.Expected,
	}
	if err := p.fill(w.Type, content, assignments); err != nil {
		return nil, runs.Public(err, runs.ReasonBadResponse, "")
	}
	return p, nil
}

// fill sets the documents of p and what follows from them.
func (p *Payload) fill(t *contract.Type, content, assignments json.RawMessage) error {
	kept, secrets, err := t.Redact(nil, content)
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	if p.Content, err = contract.WithMember(nil, kept, "assignments", nil); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	form, err := t.Normalize(nil, p.Content)
	if err != nil {
		return fmt.Errorf("normalize: %w", err)
	}
	p.Hash = digestOf(form)
	if assignments != nil {
		if form, err = contract.NormalizeAssignments(nil, assignments); err != nil {
			return fmt.Errorf("normalize assignments: %w", err)
		}
		p.Assignments, p.AssignmentsHash = assignments, digestOf(form)
	}
	for _, s := range secrets {
		p.Secrets = append(p.Secrets, Secret{Pointer: s.Pointer, State: s.State})
	}
	refs, _ := t.References(p.Content, p.Assignments)
	for _, r := range refs {
		ref := Reference{Relation: r.Relation, Kind: r.Target, ID: r.ID, Name: r.Name, Exclude: r.Exclude}
		if !slices.Contains(p.References, ref) {
			p.References = append(p.References, ref)
		}
	}
	return nil
}

// stage names what the objects refer to, and stores them.
func (j *job) stage(ctx context.Context, got []captured) error {
	if len(got) == 0 {
		return nil
	}
	if err := j.name(ctx, got); err != nil {
		return err
	}
	staged := make([]Staged, len(got))
	for i := range got {
		doc, digest, err := got[i].payload.Encode()
		if err != nil {
			return err
		}
		sealed, err := j.cfg.Vault.Seal(ctx, j.run.Tenant, got[i].ref, digest, doc)
		if err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		staged[i] = Staged{got[i].payload.Version(digest, len(doc)), sealed}
	}
	kept, err := j.cfg.Store.Stage(ctx, j.run.Tenant, j.set.ID, staged)
	if err != nil {
		return public("stage", err)
	}
	for i, v := range kept {
		j.x.Succeed(keyOf(v.Ref()))
		if v.ID != staged[i].ID {
			j.x.Add(CountReused, 1)
		}
		if v.Secrets > 0 {
			j.x.Add(CountSecrets, int64(v.Secrets))
		}
	}
	return nil
}

// name fills in the names of what the objects refer to.
func (j *job) name(ctx context.Context, got []captured) error {
	if j.cfg.Names == nil {
		return nil
	}
	var asked []inventory.Ref
	for i := range got {
		for _, r := range got[i].payload.References {
			if r.ID != "" && r.Name == "" {
				asked = append(asked, inventory.Ref{Kind: r.Kind, ID: r.ID})
			}
		}
	}
	slices.SortFunc(asked, compareRefs)
	asked = slices.Compact(asked)
	if len(asked) == 0 {
		return nil
	}
	names, err := j.cfg.Names(ctx, j.run.Tenant, asked)
	if err != nil {
		return fmt.Errorf("names: %w", err)
	}
	for i := range got {
		for k := range got[i].payload.References {
			if r := &got[i].payload.References[k]; r.Name == "" {
				r.Name = names[inventory.Ref{Kind: r.Kind, ID: r.ID}]
			}
		}
	}
	return nil
}
