package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// VerifyType is the type of the runs that check a set. Their params are a
// [VerifyInput].
const VerifyType runs.Type = "backup_set.verify"

// What a verification finds.
const (
	// ReasonDamaged means that something is not what was captured.
	ReasonDamaged runs.Reason = "ext.backup.damaged"

	// ReasonUnplanned means that an object is whole, and that a restore could
	// not write it as it is.
	ReasonUnplanned runs.Reason = "ext.backup.not_restorable"
)

// A Depth says how far a verification goes. Each depth includes the ones before.
type Depth string

// The depths.
const (
	DepthStructure Depth = "structure" // the chain, the manifest, and that the items are those of the manifest
	DepthHashes    Depth = "hashes"    // every byte of every payload
	DepthPlan      Depth = "plan"      // whether a restore could write what is there
)

// A VerifyInput names the set to check. An empty Depth means [DepthPlan].
type VerifyInput struct {
	Set   string `json:"backup_set"`
	Depth Depth  `json:"depth,omitempty"`

	called string // the set, when the run is planned
}

// VerifyOperation returns the operation "backup_set.verify". Its runs count the
// items of the set: one succeeds if it is what was captured, fails with
// [ReasonDamaged] if not, and is skipped with [ReasonUnplanned] if it is whole
// but cannot be restored. A set whose chain, manifest or certificate is damaged
// fails the run.
func VerifyOperation(cfg Config) runs.Operation {
	cfg = cfg.complete()
	spec := runs.Spec[VerifyInput]{
		Type:        VerifyType,
		Label:       "Backup verification",
		Description: "Checks that a backup set is whole and that nothing in it has changed.",
		Prepare: func(ctx context.Context, tenant string, in *VerifyInput) (err error) {
			switch in.Depth {
			case "":
				in.Depth = DepthPlan
			case DepthStructure, DepthHashes, DepthPlan:
			default:
				return refuse("The depth of a verification is structure, hashes or plan.")
			}
			in.called, err = cfg.nameOf(ctx, tenant, in.Set)
			return err
		},
		Target:   func(in VerifyInput) runs.Target { return targetOf(in.Set, in.called) },
		Context:  func(in VerifyInput) map[string]string { return map[string]string{"depth": string(in.Depth)} },
		Timeout:  cfg.Timeout,
		Expected: cfg.Expected,
	}
	if cfg.Store != nil && cfg.Vault != nil {
		spec.Handle = cfg.verify
	}
	return spec.Operation()
}

func (cfg Config) verify(ctx context.Context, x *runs.Exec, in VerifyInput) error {
	tenant := x.Run().Tenant
	m, err := Check(ctx, cfg.Store, cfg.Vault, tenant, in.Set)
	if err != nil {
		return damaged(err)
	}
	x.Total(int64(len(m.Items)))
	x.Note("manifest", fmt.Sprintf("%d items", len(m.Items)))
	for _, item := range m.Items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		key := keyOf(item.Ref())
		if in.Depth == DepthStructure {
			x.Succeed(key)
			continue
		}
		p, err := Open(ctx, cfg.Store, cfg.Vault, tenant, item)
		switch {
		case errors.Is(err, ErrCorrupt):
			x.Fail(key, damaged(err))
		case err != nil:
			return err
		case in.Depth == DepthPlan && !p.plannable():
			x.Skip(key, ReasonUnplanned)
		default:
			x.Succeed(key)
		}
	}
	return nil
}

// damaged declares what of err may be shown: ErrCorrupt says nothing but which
// part it is.
func damaged(err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		return runs.Public(err, ReasonDamaged, "The backup is not what was captured. Restore nothing from it, and find out who could write to the store.")
	case errors.Is(err, ErrKey):
		return runs.Public(err, runs.ReasonUnreachable, "The key of the backups is not available.")
	case errors.Is(err, errEmpty):
		return runs.Public(err, runs.ReasonNotReady, "There is nothing in the backup set yet. Capture something first.")
	default:
		return public("check", err)
	}
}

var errEmpty = fmt.Errorf("%w: nothing was captured", ErrNotFound)

// Check verifies the structure of a set, and returns its manifest: the tenant's
// chain is unbroken, the set's last link names the manifest that is stored, and
// the items, the set and the certificate are those of the manifest. It reports
// [ErrCorrupt] if anything was changed, added, removed, swapped or rolled back,
// and [ErrNotFound] for a set that is not there or has no items yet.
//
// Payloads are not looked at: [Open] does that for each.
func Check(ctx context.Context, s Store, v *Vault, tenant, set string) (*Manifest, error) {
	is, err := s.GetSet(ctx, tenant, set)
	if err != nil {
		return nil, err
	}
	last, err := walkChain(ctx, s, v, tenant, set)
	if err != nil {
		return nil, err
	}
	sealing, err := s.GetSealing(ctx, tenant, set)
	switch {
	case errors.Is(err, ErrNotFound) && last != nil:
		return nil, fmt.Errorf("%w: the manifest is missing", ErrCorrupt)
	case errors.Is(err, ErrNotFound):
		return nil, errEmpty
	case err != nil:
		return nil, err
	case last == nil || last.Manifest == "":
		return nil, fmt.Errorf("%w: the chain does not have the set", ErrCorrupt)
	}
	m, err := decodeManifest(sealing.Manifest, last.Manifest)
	if err != nil {
		return nil, err
	}
	c, err := decodeCertificate(sealing.Certificate, m.Certificate)
	if err != nil {
		return nil, err
	}
	same := m.Tenant == tenant && is.Tenant == tenant && m.Set == set && is.ID == set && m.Name == is.Name && m.Description == is.Description &&
		m.Origin == is.Origin && m.CreatedAt.Equal(is.CreatedAt) && m.CreatedBy == is.CreatedBy &&
		is.Items == len(m.Items) && is.Seq == last.Seq && is.Manifest == last.Manifest &&
		is.Complete == (c.Status == Complete) && sealing.Complete == is.Complete && is.Sealed.Equal(last.At)
	if !same {
		return nil, fmt.Errorf("%w: the set is not the one of the manifest", ErrCorrupt)
	}
	return m, compareSet(ctx, s, m)
}

// walkChain follows the tenant's chain from its beginning, and returns the last
// link of the set.
func walkChain(ctx context.Context, s Chain, v *Vault, tenant, set string) (last *Link, err error) {
	head, err := s.Head(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	var prev *Link
	for head != nil && (prev == nil || prev.Seq < head.Seq) {
		after := int64(0)
		if prev != nil {
			after = prev.Seq
		}
		links, err := s.Links(ctx, tenant, after, runs.MaxLimit)
		if err != nil {
			return nil, fmt.Errorf("chain: %w", err)
		}
		if len(links) == 0 {
			return nil, fmt.Errorf("%w: the chain ends before its head", ErrCorrupt)
		}
		for i := range links {
			l := &links[i]
			if l.Tenant != tenant {
				return nil, fmt.Errorf("%w: a link of the chain is another tenant's", ErrCorrupt)
			}
			if err := l.follow(ctx, v, prev); err != nil {
				return nil, err
			}
			if prev = l; l.Set == set {
				last = l
			}
		}
	}
	return last, nil
}

// compareSet reports whether the items in the store are those of the manifest.
func compareSet(ctx context.Context, s Versions, m *Manifest) error {
	want := make(map[inventory.Ref]string, len(m.Items))
	for _, i := range m.Items {
		want[i.Ref()] = i.Version
	}
	if len(want) != len(m.Items) {
		return fmt.Errorf("%w: the manifest has an item twice", ErrCorrupt)
	}
	err := eachItem(ctx, s, ItemQuery{Tenant: m.Tenant, Set: m.Set}, func(i *Item) {
		if i.Set == m.Set && want[i.Ref()] == i.ID {
			delete(want, i.Ref())
		} else {
			want[i.Ref()] = "" // too much, twice, or another version
		}
	})
	if err == nil && len(want) > 0 {
		err = fmt.Errorf("%w: %d items are not those of the manifest", ErrCorrupt, len(want))
	}
	return err
}

// Open returns the payload of an item of a manifest. It reports [ErrCorrupt] if
// it is not what was captured, down to the figures that are listed.
func Open(ctx context.Context, s Versions, v *Vault, tenant string, item ManifestItem) (*Payload, error) {
	row, sealed, err := s.GetVersion(ctx, tenant, item.Version)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: version %s is missing", ErrCorrupt, item.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	p, err := v.Open(ctx, tenant, item.Ref(), item.Version, sealed)
	if err != nil {
		return nil, err
	}
	listed := p.Version(item.Version, p.size)
	if !listed.equal(&row) {
		return nil, fmt.Errorf("%w: version %s is not listed as it is", ErrCorrupt, item.Version)
	}
	return p, nil
}

func (v *Version) equal(o *Version) bool {
	a, b := *v, *o
	same := a.ModifiedAt.Equal(b.ModifiedAt) && a.CapturedAt.Equal(b.CapturedAt)
	b.ModifiedAt, b.CapturedAt = a.ModifiedAt, a.CapturedAt
	return same && a == b
}

// plannable reports whether a restore could write the object as it is.
func (p *Payload) plannable() bool {
	if support, _ := p.Support(); support != contract.Restorable {
		return false
	}
	for _, s := range p.Secrets {
		if s.NeedsInput() {
			return false
		}
	}
	t, _ := contract.Lookup(p.Kind) // restorable, and so known
	_, err := t.Normalize(nil, p.Content)
	return err == nil
}
