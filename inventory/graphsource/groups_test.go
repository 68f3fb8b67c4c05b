package graphsource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/runs"
)

// enumerate returns what is at a link, with the last change of each group, and
// the link for the next time.
func enumerate(t *testing.T, s *graphsource.Source, link string) (groups map[string]directory.Change, pages int, next string, err error) {
	t.Helper()
	groups = make(map[string]directory.Change)
	for part, err := range s.Groups(t.Context(), link) {
		if err != nil {
			return groups, pages, "", err
		}
		if pages++; (part.Next == "") == (part.Link == "") {
			t.Errorf("page %d has the links %q and %q", pages, part.Next, part.Link)
		}
		for _, c := range part.Changes {
			groups[c.ID] = c
		}
		next = part.Link
	}
	return groups, pages, next, nil
}

func group(id, name, more string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id":%q,"displayName":%q,"groupTypes":[],"securityEnabled":true,"mailEnabled":false%s}`, id, name, more))
}

func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, server := open(t, graphtest.Document{"groups": {
			group("g1", "Security", ""),
			group("g2", "Team", `,"groupTypes":["Unified"],"mailEnabled":true`),
			group("g3", "Laptops", `,"groupTypes":["DynamicMembership"],"membershipRule":"x"`),
			group("g4", "From AD", `,"onPremisesSyncEnabled":true`),
			group("g5", "Mail", `,"mailEnabled":true`),
			group("g6", "List", `,"mailEnabled":true,"securityEnabled":false`),
		}}, graphtest.Config{PageSize: 2, Quirks: graphtest.Quirks{DeltaDuplicates: true}})
		got, pages, link, err := enumerate(t, s, "")
		want := map[string]directory.Change{
			"g1": {Group: directory.Group{ID: "g1", Name: "Security", Type: directory.Security}},
			"g2": {Group: directory.Group{ID: "g2", Name: "Team", Type: directory.Microsoft365}},
			"g3": {Group: directory.Group{ID: "g3", Name: "Laptops", Type: directory.Security, Dynamic: true}},
			"g4": {Group: directory.Group{ID: "g4", Name: "From AD", Type: directory.Security, Synced: true}},
			"g5": {Group: directory.Group{ID: "g5", Name: "Mail", Type: directory.MailSecurity}},
			"g6": {Group: directory.Group{ID: "g6", Name: "List", Type: directory.Distribution}},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || pages != 3 {
			t.Fatalf("%d pages, %v\n%s", pages, err, diff)
		}
		tenant := server.Tenant(contoso)
		if err := errors.Join(tenant.Delete("groups", "g1"), tenant.Patch("groups", "g2", json.RawMessage(`{"displayName":"New"}`))); err != nil {
			t.Fatal(err)
		}
		got, _, link, err = enumerate(t, s, link)
		if err != nil || len(got) != 2 || !got["g1"].Removed || got["g2"].Removed || got["g2"].Name != "New" {
			t.Errorf("what has changed is %+v, %v", got, err)
		}
		if got, _, _, err = enumerate(t, s, link); err != nil || len(got) != 0 {
			t.Errorf("later, what has changed is %+v, %v", got, err)
		}
	})
}

// An enumeration goes on behind a page.
func TestGroupsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, graphtest.Document{"groups": {group("g1", "A", ""), group("g2", "B", ""), group("g3", "C", "")}}, graphtest.Config{PageSize: 1})
		for part, err := range s.Groups(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			rest, pages, link, err := enumerate(t, s, part.Next)
			if err != nil || pages != 2 || len(rest) != 2 || link == "" || rest["g1"].ID != "" {
				t.Errorf("behind the first page there are %+v on %d pages, %v", rest, pages, err)
			}
			break
		}
	})
}

func TestGroupsFail(t *testing.T) {
	expired := graphtest.Config{Quirks: graphtest.Quirks{DeltaTokenLifetime: -1}}
	asBadRequest := expired
	asBadRequest.Quirks.DeltaBadRequest = true
	for name, c := range map[string]struct {
		cfg    graphtest.Config
		resync bool
		reason runs.Reason
	}{
		"gone":      {expired, true, runs.ReasonGone},
		"bad":       {asBadRequest, true, runs.ReasonGone},
		"forbidden": {graphtest.Config{Faults: []graphtest.Fault{{Prefix: "/groups/delta", Kind: graphtest.FaultForbidden}}}, false, runs.ReasonPermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := open(t, graphtest.Document{"groups": {group("g1", "A", "")}}, c.cfg)
				_, _, link, err := enumerate(t, s, "")
				if c.resync {
					_, _, _, err = enumerate(t, s, link)
				}
				if f, _ := runs.FailureOf(err); errors.Is(err, directory.ErrResync) != c.resync || f.Reason != c.reason {
					t.Errorf("got %v, which is shown as %+v", err, f)
				}
			})
		})
	}
}
