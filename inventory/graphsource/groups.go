package graphsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ directory.Source = (*Source)(nil)

// Groups implements [directory.Source].
func (s *Source) Groups(ctx context.Context, link string) iter.Seq2[directory.Part, error] {
	if link == "" {
		link = contract.GroupsDelta()
	}
	return func(yield func(directory.Part, error) bool) {
		for page, err := range s.client.Delta(ctx, graphclient.Request{Path: link}) {
			if errors.Is(err, graphclient.ErrResync) {
				err = fmt.Errorf("%w: %w", directory.ErrResync, Public(err))
			} else {
				err = Public(err)
			}
			part := directory.Part{Next: page.NextLink, Link: page.DeltaLink}
			if err == nil {
				part.Changes, err = changes(page.Items)
			}
			if !yield(part, err) || err != nil {
				return
			}
		}
	}
}

func changes(docs []json.RawMessage) ([]directory.Change, error) {
	list := make([]directory.Change, len(docs))
	for i, doc := range docs {
		var g struct {
			graphclient.Group
			Removed json.RawMessage `json:"@removed"`
		}
		if err := json.Unmarshal(doc, &g); err != nil {
			return nil, runs.Public(err, runs.ReasonBadResponse, "The service listed a group in a form that is not known.")
		}
		list[i] = directory.Change{Removed: len(g.Removed) > 0, Group: NewGroup(g.Group)}
	}
	return list, nil
}

// NewGroup returns a group of Graph as the directory keeps it, without when it
// was seen.
func NewGroup(g graphclient.Group) directory.Group {
	return directory.Group{
		ID:      g.ID,
		Name:    g.DisplayName,
		Type:    typeOf(g),
		Dynamic: slices.Contains(g.GroupTypes, "DynamicMembership"),
		Synced:  g.OnPremisesSyncEnabled,
	}
}

func typeOf(g graphclient.Group) directory.Type {
	switch {
	case slices.Contains(g.GroupTypes, "Unified"):
		return directory.Microsoft365
	case g.MailEnabled && g.SecurityEnabled:
		return directory.MailSecurity
	case g.MailEnabled:
		return directory.Distribution
	default:
		return directory.Security
	}
}
