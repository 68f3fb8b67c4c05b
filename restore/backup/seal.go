package backup

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// seal makes what a run has staged part of the set: it writes the manifest of
// all items, the certificate, and the next link of the tenant's chain.
func (cfg Config) seal(ctx context.Context, s *Set, reports []KindReport, by runs.Actor, run string) error {
	earlier, err := cfg.certificate(ctx, s.Tenant, s.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	t := tallyOf(earlier, reports)
	var lines []ManifestItem // little of each item, since there is no bound to them
	err = eachItem(ctx, cfg.Store, ItemQuery{Tenant: s.Tenant, Set: s.ID, Staged: true}, func(i *Item) {
		t.of(i.Kind).count(&i.Version)
		lines = append(lines, ManifestItem{Kind: i.Kind, ID: i.Object, Version: i.ID})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(lines, compareItems)
	c := t.certify(s.ID, lines)
	certificate, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode certificate: %w", err)
	}
	manifest, err := json.Marshal(manifestOf(s, lines, digestOf(certificate)))
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	sealing := &Sealing{Manifest: manifest, Certificate: certificate, Complete: c.Status == Complete}
	link := Link{
		Tenant: s.Tenant, Set: s.ID, Manifest: digestOf(manifest),
		At: runs.Instant(cfg.Now()), By: by, Run: run,
	}
	if err := appendLink(ctx, cfg.Vault, cfg.Store, link, sealing); err != nil {
		return public("seal", err)
	}
	return nil
}

// NewSet creates an empty set. The name is required; both texts are for people
// and may not be longer than [MaxName] and [MaxDescription] characters. It
// reports [ErrInvalid].
func NewSet(ctx context.Context, s Sets, tenant, name, description string, by runs.Actor, now time.Time) (*Set, error) {
	set := newSet(tenant, name, description, by, now)
	if err := create(ctx, s, set); err != nil {
		return nil, err
	}
	return set, nil
}

func newSet(tenant, name, description string, by runs.Actor, now time.Time) *Set {
	return &Set{
		ID: strings.ToLower(rand.Text()), Tenant: tenant, CreatedAt: runs.Instant(now), CreatedBy: by,
		Name: strings.TrimSpace(name), Description: strings.TrimSpace(description),
	}
}

func create(ctx context.Context, s Sets, set *Set) error {
	switch {
	case set.Name == "" || !isText(set.Name, MaxName, false):
		return fmt.Errorf("%w: %w", ErrInvalid, refuse("A backup set needs a name of at most 200 characters, in one line."))
	case !isText(set.Description, MaxDescription, true):
		return fmt.Errorf("%w: %w", ErrInvalid, refuse("The description has more than 2,000 characters, or some that cannot be shown."))
	}
	if err := s.CreateSet(ctx, set); err != nil {
		return fmt.Errorf("create backup set: %w", err)
	}
	return nil
}

// isText reports whether people can read s.
func isText(s string, most int, lines bool) bool {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) && (!lines || r != '\n') })
}

// Delete deletes a set in the name of somebody. The versions that other sets
// have stay, and so does the chain, with one more link. It reports [ErrNotFound]
// and [ErrInUse].
func (cfg Config) Delete(ctx context.Context, tenant, set string, by runs.Actor) error {
	cfg = cfg.complete()
	link := Link{Tenant: tenant, Set: set, At: runs.Instant(cfg.Now()), By: by}
	if err := appendLink(ctx, cfg.Vault, cfg.Store, link, nil); err != nil {
		return fmt.Errorf("delete backup set: %w", err)
	}
	return nil
}

// Retain deletes all sets of the tenant but the newest keep, and returns how
// many that were. Sets that are in use stay, and count among those that are
// kept. A keep below one is refused: that would be no backup.
func (cfg Config) Retain(ctx context.Context, tenant string, keep int, by runs.Actor) (deleted int, err error) {
	if keep < 1 {
		return 0, fmt.Errorf("%w: retention keeps at least one set", ErrInvalid)
	}
	var old []string
	q := SetQuery{Tenant: tenant, Limit: runs.MaxLimit}
	for n := 0; ; {
		page, err := cfg.Store.ListSets(ctx, q)
		if err != nil {
			return 0, fmt.Errorf("list backup sets: %w", err)
		}
		for _, s := range page.Sets {
			if n++; n > keep {
				old = append(old, s.ID)
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	for _, id := range slices.Backward(old) { // the oldest first
		switch err := cfg.Delete(ctx, tenant, id, by); {
		case err == nil:
			deleted++
		case !errors.Is(err, ErrInUse) && !errors.Is(err, ErrNotFound):
			return deleted, err
		}
	}
	return deleted, nil
}

// certificate returns the certificate that was stored for a set.
func (cfg Config) certificate(ctx context.Context, tenant, set string) (*Certificate, error) {
	sealing, err := cfg.Store.GetSealing(ctx, tenant, set)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	m, err := decodeManifest(sealing.Manifest, digestOf(sealing.Manifest))
	if err != nil {
		return nil, err
	}
	return decodeCertificate(sealing.Certificate, m.Certificate)
}
