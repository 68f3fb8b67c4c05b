package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/canonjson"
	"github.com/tenantatlas/tenantatlas/runs"
)

// entry describes the object in the form that is stored.
func (j *job) entry(ctx context.Context, o *object, now *state) (e Entry, warnings int, err error) {
	t := o.want.Type
	content, err := j.content(ctx, t, now)
	if err != nil {
		return Entry{}, 0, err
	}
	if now.content != nil {
		e.Content = content
	}
	whole, err := t.Summarize(content)
	if err != nil {
		return Entry{}, 0, err
	}
	refs, warned := t.References(content, now.assignments)
	e.Item = Item{
		Kind:            t.Key,
		ID:              o.id,
		Name:            o.summary.Name,
		Platform:        whole.Platform,
		Category:        t.Category,
		ScopeTags:       slices.Sorted(slices.Values(whole.ScopeTags)),
		Assigned:        assignedOf(refs),
		Meta:            metaOf(o),
		Hash:            now.hash,
		AssignmentsHash: now.assignmentsHash,
		ModifiedAt:      runs.Instant(o.summary.Modified),
		FirstSeenAt:     o.kind.at,
		LastSeenAt:      o.kind.at,
		LastSeenRun:     j.sync.Run,
	}
	e.Stamp = o.stamp
	e.Assignments = now.assignments
	if j.links {
		e.Links = linksOf(refs)
	}
	return e, len(warned), nil
}

// content returns the content in the form that is stored.
func (j *job) content(ctx context.Context, t *contract.Type, now *state) ([]byte, error) {
	if now.content != nil {
		kept, err := j.keeper.keep(t, now.content)
		if err != nil {
			return nil, runs.Public(err, runs.ReasonBadResponse, "")
		}
		return kept, nil
	}
	stored, err := j.cfg.Store.Content(ctx, j.sync.Tenant, now.hash)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, runs.Public(err, runs.ReasonInternal, "The stored content of an object is not there.")
	case err != nil:
		return nil, fmt.Errorf("%w: content: %w", errStore, err)
	}
	return stored, nil
}

func metaOf(o *object) map[string]string {
	var odata, provided string
	if len(o.want.Type.OData) != 1 || o.want.Type.General {
		odata = o.summary.OData
	}
	if o.summary.Provided {
		provided = "true"
	}
	var meta map[string]string
	for key, value := range map[string]string{MetaOData: odata, MetaParent: o.want.Object.Parent, MetaProvided: provided} {
		if value == "" {
			continue
		}
		if meta == nil {
			meta = make(map[string]string)
		}
		meta[key] = value
	}
	return meta
}

func assignedOf(refs []contract.Reference) Assigned {
	var a Assigned
	for _, r := range refs {
		switch {
		case r.Relation == contract.UsesFilter:
			a.Filters++
		case r.Relation != contract.AssignedTo:
		case r.Target == contract.TargetGroup && r.Exclude:
			a.Excluded++
		case r.Target == contract.TargetGroup:
			a.Groups++
		case r.Target == contract.TargetAllUsers && !r.Exclude:
			a.AllUsers = true
		case r.Target == contract.TargetAllDevices && !r.Exclude:
			a.AllDevices = true
		default:
			a.Other++
		}
	}
	return a
}

// linksOf returns the edges that the references are. Several places in a
// document can be one edge.
func linksOf(refs []contract.Reference) []Link {
	links := make([]Link, 0, len(refs))
	at := make(map[Link]int, len(refs))
	for _, r := range refs {
		l := Link{Type: r.Relation, To: LinkTarget{Kind: r.Target, ID: r.ID}, Exclude: r.Exclude}
		i, double := at[l]
		if !double {
			i = len(links)
			at[l] = i
			links = append(links, l)
		}
		if links[i].To.Name == "" {
			links[i].To.Name = r.Name
		}
	}
	return links
}

// A keeper makes the form of a document that is stored.
type keeper struct{ strip map[string]bool }

func newKeeper() keeper {
	strip := make(map[string]bool)
	for _, name := range contract.GenericStrip() {
		strip[name] = true
	}
	return keeper{strip}
}

// keep returns doc as canonical JSON without secrets, and without what
// belongs to the object and not to its configuration, since equal
// configurations of several objects are stored once.
func (k keeper) keep(t *contract.Type, doc []byte) ([]byte, error) {
	clean, _, err := t.Redact(make([]byte, 0, len(doc)), doc)
	if err != nil {
		return nil, err
	}
	e := canonjson.Encoder{Options: canonjson.Options{Drop: k.drop}}
	// Sorting borrows room behind the output: at most as much again.
	return e.Append(make([]byte, 0, 2*len(clean)), clean)
}

func (k keeper) drop(path canonjson.Path, _ []byte) bool {
	key := path.Key()
	switch {
	case len(path) > 1:
		return false
	case bytes.HasPrefix(key, []byte("#")):
		return true
	case bytes.Contains(key, []byte("@odata.")):
		return string(key) != "@odata.type" && !bytes.HasSuffix(key, []byte("@odata.bind"))
	}
	return k.strip[string(key)]
}
