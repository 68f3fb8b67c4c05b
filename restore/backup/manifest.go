package backup

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A Manifest says what belongs to a set: every item with the digest of its
// payload, the set itself, and the certificate. It is written anew whenever a
// run has added something.
type Manifest struct {
	Tenant      string     `json:"tenant"`
	Set         string     `json:"backup_set"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Origin      string     `json:"origin,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   runs.Actor `json:"created_by"`

	Items       []ManifestItem `json:"items"`       // by kind and id
	Certificate string         `json:"certificate"` // its digest
}

// A ManifestItem is one item of a manifest.
type ManifestItem struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version string `json:"version"` // its ID, which is the digest of its payload
}

// Ref names the object.
func (i ManifestItem) Ref() inventory.Ref { return inventory.Ref{Kind: i.Kind, ID: i.ID} }

// manifestOf returns the manifest of a set with these items, which are in order.
func manifestOf(s *Set, items []ManifestItem, certificate string) *Manifest {
	return &Manifest{
		Tenant: s.Tenant, Set: s.ID, Name: s.Name, Description: s.Description, Origin: s.Origin,
		CreatedAt: s.CreatedAt, CreatedBy: s.CreatedBy, Items: items, Certificate: certificate,
	}
}

func compareItems(a, b ManifestItem) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// A Link is one link in the chain of a tenant's manifests. Each names the digest
// of the one before, so that a manifest can be neither left out nor replaced by
// an older one without every later link showing it. Links are never changed nor
// deleted; those of sets that are deleted stay.
type Link struct {
	Tenant   string     `json:"tenant"`
	Seq      int64      `json:"seq"`                // 1, 2, …
	Previous string     `json:"previous,omitempty"` // digest of the link before; empty for the first
	Set      string     `json:"backup_set"`
	Manifest string     `json:"manifest,omitempty"` // its digest; empty if the set was deleted
	At       time.Time  `json:"at"`
	By       runs.Actor `json:"by"`
	Run      string     `json:"run,omitempty"` // that did it

	// MAC is the authentication code of everything above under the tenant's
	// key.
	MAC string `json:"mac"`
}

// digest is what the next link names.
func (l *Link) digest() (string, error) {
	doc, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("encode link: %w", err)
	}
	return digestOf(doc), nil
}

func (l *Link) code(ctx context.Context, v *Vault) (string, error) {
	plain := *l
	plain.MAC = ""
	doc, err := json.Marshal(plain)
	if err != nil {
		return "", fmt.Errorf("encode link: %w", err)
	}
	return v.sign(ctx, l.Tenant, doc)
}

// follow returns an error unless l is authentic and comes after prev, which is
// nil for the first one.
func (l *Link) follow(ctx context.Context, v *Vault, prev *Link) error {
	code, err := l.code(ctx, v)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(code), []byte(l.MAC)) {
		return fmt.Errorf("%w: link %d of the chain was changed", ErrCorrupt, l.Seq)
	}
	want := Link{Seq: 1}
	if prev != nil {
		want.Seq = prev.Seq + 1
		if want.Previous, err = prev.digest(); err != nil {
			return err
		}
	}
	if l.Seq != want.Seq || l.Previous != want.Previous {
		return fmt.Errorf("%w: link %d of the chain does not follow the one before", ErrCorrupt, l.Seq)
	}
	return nil
}

// appendLink completes l as the next link of its tenant's chain and appends it,
// as often as it takes: another set may be sealed at the same time.
func appendLink(ctx context.Context, v *Vault, s Chain, l Link, sealing *Sealing) error {
	for {
		head, err := s.Head(ctx, l.Tenant)
		if err != nil {
			return fmt.Errorf("chain: %w", err)
		}
		l.Seq, l.Previous = 1, ""
		if head != nil {
			l.Seq = head.Seq + 1
			if l.Previous, err = head.digest(); err != nil {
				return err
			}
		}
		if l.MAC, err = l.code(ctx, v); err != nil {
			return err
		}
		if err = s.Append(ctx, l, sealing); !errors.Is(err, ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// decodeManifest returns what was stored as doc, if it has the digest.
func decodeManifest(doc []byte, digest string) (*Manifest, error) {
	if digestOf(doc) != digest {
		return nil, fmt.Errorf("%w: the manifest has changed", ErrCorrupt)
	}
	m := new(Manifest)
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: the manifest cannot be read", ErrCorrupt)
	}
	return m, nil
}
