package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// AddType is the type of the runs that capture objects into a set. Their params
// are an [AddInput].
const AddType runs.Type = "backup_set.add_policies"

// ReasonPresent is why an object is skipped that the set has already.
const ReasonPresent runs.Reason = "ext.backup.present"

// The names of the figures that such a run has besides its items, which are
// objects.
const (
	CountReused  = "reused"  // captured, and the same version as in an earlier set
	CountSecrets = "secrets" // values that the service did not give away
)

// Config says how backups are made and checked.
type Config struct {
	// Store keeps backups, and Vault protects them. If one of them is nil, this
	// process can start runs of this package and leaves their execution to
	// others.
	Store Store
	Vault *Vault

	// Source gives access to a tenant, with the application's own rights; its
	// error ends the run. If nil, this process captures nothing.
	Source func(ctx context.Context, tenant string) (inventory.Source, error)

	// Names returns the names of what objects refer to, as far as they are
	// known; it is asked for some hundred at a time and must not call Graph. If
	// nil, references have no names, and a restore into another tenant has to
	// be told what each of them is.
	Names func(ctx context.Context, tenant string, refs []inventory.Ref) (map[inventory.Ref]string, error)

	// Parallel is how many collections are listed at a time; 0 means 8.
	Parallel int

	// Timeout and Expected are those of the operations. 0 means no timeout, and
	// 15 minutes.
	Timeout, Expected time.Duration

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

func (cfg Config) complete() Config {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 8
	}
	if cfg.Expected == 0 {
		cfg.Expected = 15 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default
	}
	return cfg
}

// An AddInput says what to capture, and into which set: either Items or All.
type AddInput struct {
	Set string `json:"backup_set"`

	// Items are the objects to capture.
	Items []inventory.Ref `json:"items,omitempty"`

	// All asks for everything that Selection selects; the zero Selection
	// selects everything.
	All       bool                 `json:"all,omitempty"`
	Selection *inventory.Selection `json:"selection,omitempty"`

	called string // the set, when the run is planned
}

// AddOperation returns the operation "backup_set.add_policies". Its runs read
// objects as they are now and add them to a set. What the set has already is
// skipped; an object that cannot be read fails with its reason, and the others
// go on. One run at a time adds to a set.
func AddOperation(cfg Config) runs.Operation {
	cfg = cfg.complete()
	spec := runs.Spec[AddInput]{
		Type:        AddType,
		Label:       "Backup",
		Description: "Captures the current state of policies, apps and settings into a backup set.",
		Prepare:     cfg.prepareAdd,
		Identity:    AddInput.identity,
		Lane:        func(in AddInput) string { return laneOf(in.Set) },
		Target:      func(in AddInput) runs.Target { return targetOf(in.Set, in.called) },
		Context:     AddInput.facts,
		Timeout:     cfg.Timeout,
		Expected:    cfg.Expected,
	}
	if cfg.Store != nil && cfg.Vault != nil && cfg.Source != nil {
		spec.Handle = cfg.add
	}
	return spec.Operation()
}

// laneOf is the lane of what writes to a set.
func laneOf(set string) string { return "backup_set " + set }

func targetOf(set, name string) runs.Target {
	return runs.Target{Kind: "backup_set", ID: set, Name: name}
}

func (cfg Config) prepareAdd(ctx context.Context, tenant string, in *AddInput) error {
	switch {
	case in.All && len(in.Items) > 0:
		return refuse("Name the objects to capture or ask for all of them, not both.")
	case !in.All && in.Selection != nil:
		return refuse("A selection goes together with asking for all objects.")
	case !in.All && len(in.Items) == 0:
		return refuse("Nothing is selected. Choose at least one object.")
	}
	for _, ref := range in.Items {
		if _, ok := contract.Lookup(ref.Kind); !ok {
			return refuse("The selection names a kind that does not exist.")
		}
		if ref.ID == "" {
			return refuse("The selection names an object without an ID.")
		}
	}
	slices.SortFunc(in.Items, compareRefs)
	in.Items = slices.Compact(in.Items)
	if in.All {
		selection := inventory.Selection{}
		if in.Selection != nil {
			selection = *in.Selection
		}
		complete, err := selection.Complete()
		if err != nil {
			return err
		}
		in.Selection = &complete
	}
	var err error
	in.called, err = cfg.nameOf(ctx, tenant, in.Set)
	return err
}

// nameOf returns the name of a set, and refuses one that the tenant does not have.
func (cfg Config) nameOf(ctx context.Context, tenant, id string) (string, error) {
	if id == "" {
		return "", refuse("The params have no backup_set, which is the ID of one.")
	}
	if cfg.Store == nil {
		return "", nil // whoever executes the run will know
	}
	set, err := cfg.Store.GetSet(ctx, tenant, id)
	if errors.Is(err, ErrNotFound) {
		return "", runs.Public(err, runs.ReasonNotFound, "There is no such backup set.")
	}
	if err != nil {
		return "", err
	}
	return set.Name, nil
}

func refuse(message string) error { return runs.Public(nil, runs.ReasonInvalidInput, message) }

func compareRefs(a, b inventory.Ref) int {
	return compareItems(ManifestItem{Kind: a.Kind, ID: a.ID}, ManifestItem{Kind: b.Kind, ID: b.ID})
}

// identity is the set and what is asked for, however much that is.
func (in AddInput) identity() any {
	if in.All {
		return map[string]any{"backup_set": in.Set, "selection": in.Selection}
	}
	h := sha256.New()
	for _, ref := range in.Items {
		fmt.Fprintf(h, "%q %q\n", ref.Kind, ref.ID)
	}
	return map[string]any{"backup_set": in.Set, "items": hex.EncodeToString(h.Sum(nil))}
}

func (in AddInput) facts() map[string]string {
	if in.All {
		return map[string]string{"selection": "all objects"}
	}
	return map[string]string{"selection": fmt.Sprintf("%d chosen objects", len(in.Items))}
}

// types returns the kinds that in asks for objects of.
func (in AddInput) types() []*contract.Type {
	if in.All {
		return in.Selection.Kinds()
	}
	var types []*contract.Type
	for _, ref := range in.Items {
		if t, ok := contract.Lookup(ref.Kind); ok && (len(types) == 0 || types[len(types)-1] != t) {
			types = append(types, t) // items are sorted by kind
		}
	}
	return types
}
