package restore_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// A sabotage is something that a restore does otherwise than it should. What kills
// restores must notice.
type sabotage struct {
	put  func(i *restore.Item) // done to what is written into the journal
	send func(ctx context.Context, t restore.Target, c restore.Call) (restore.Reply, error)
	list func() iter.Seq2[inventory.ListPage, error]
}

// sabotages are all of them; the one without a name is none.
var sabotages = map[string]sabotage{
	"": {},
	"intents are not stored": {put: func(i *restore.Item) {
		if i.Step == restore.Intent {
			i.Step, i.IntentAt = restore.Planned, time.Time{}
		}
	}},
	"results are stored before they are": {put: func(i *restore.Item) {
		if i.Step == restore.Written {
			i.Step, i.Result = restore.Done, restore.Verified
		}
	}},
	"results are not stored": {put: func(i *restore.Item) {
		if i.Step == restore.Done {
			i.Step, i.Result = restore.Assigned, ""
		}
	}},
	"nothing is found that is there": {list: func() iter.Seq2[inventory.ListPage, error] {
		return func(func(inventory.ListPage, error) bool) {}
	}},
	"a POST is repeated": {send: func(ctx context.Context, t restore.Target, c restore.Call) (restore.Reply, error) {
		reply, err := t.Send(ctx, c)
		if e, ok := errors.AsType[*restore.CallError](err); ok && e.Unknown {
			return t.Send(ctx, c)
		}
		return reply, err
	}},
	"filters are dropped": {send: func(ctx context.Context, t restore.Target, c restore.Call) (restore.Reply, error) {
		c.Body = bytes.ReplaceAll(c.Body, []byte(`"deviceAndAppManagementAssignmentFilterType":"include"`), []byte(`"deviceAndAppManagementAssignmentFilterType":"none"`))
		return t.Send(ctx, c)
	}},
	"everybody is meant": {send: func(ctx context.Context, t restore.Target, c restore.Call) (restore.Reply, error) {
		c.Body = bytes.ReplaceAll(c.Body, []byte("microsoft.graph.groupAssignmentTarget"), []byte("microsoft.graph.allDevicesAssignmentTarget"))
		return t.Send(ctx, c)
	}},
	"nobody is assigned": {send: func(ctx context.Context, t restore.Target, c restore.Call) (restore.Reply, error) {
		if contract.Member(c.Body, "assignments") != nil {
			return restore.Reply{}, nil
		}
		return t.Send(ctx, c)
	}},
}

// journal returns a store whose journal is written with the sabotage.
func (s sabotage) journal(of restore.Store) restore.Store {
	if s.put == nil {
		return of
	}
	return wrongJournal{of, s}
}

type wrongJournal struct {
	restore.Store
	by sabotage
}

func (j wrongJournal) Put(ctx context.Context, tenant, id string, fence int64, items []restore.Item) error {
	items = slices.Clone(items)
	for i := range items {
		j.by.put(&items[i])
	}
	return j.Store.Put(ctx, tenant, id, fence, items)
}

// service returns a target that is reached with the sabotage.
func (s sabotage) service(of restore.Target) restore.Target { return wrongTarget{of, s} }

type wrongTarget struct {
	restore.Target
	by sabotage
}

func (t wrongTarget) Send(ctx context.Context, c restore.Call) (restore.Reply, error) {
	if t.by.send == nil {
		return t.Target.Send(ctx, c)
	}
	return t.by.send(ctx, t.Target, c)
}

func (t wrongTarget) List(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	if t.by.list == nil {
		return t.Target.List(ctx, c)
	}
	return t.by.list()
}

// The matrix notices what a restore does otherwise than it should.
func TestCrashMatrixNotices(t *testing.T) {
	var ready *planned
	synctest.Test(t, func(t *testing.T) { ready = planSmall(newWorld(t, small()), wiped()) })
	for _, tc := range []struct{ name, fault, want string }{
		{"", "none", ""},
		{"", "504 applied", ""},
		{"intents are not stored", "none", "and the journal knows of "},
		{"intents are not stored", "none", "is conflict"}, // what is there is not created again
		{"results are stored before they are", "none", "is done as "},
		{"results are stored before they are", "none", "which is assigned to []"},
		{"results are not stored", "none", "(assigned, ), want verified"},
		{"nothing is found that is there", "504 applied", " objects, want "},
		{"nothing is found that is there", "none", " objects, want "},
		{"nothing is found that is there", "reset applied", " objects, want "},
		{"a POST is repeated", "504 applied", " objects, want "},
		{"a POST is repeated", "reset applied", " objects, want "},
		{"filters are dropped", "none", "is assigned to {Type:#microsoft.graph.groupAssignmentTarget"},
		{"everybody is meant", "none", "is assigned to {Type:#microsoft.graph.allDevicesAssignmentTarget"},
		{"nobody is assigned", "none", "want verified"},
	} {
		by, ok := sabotages[tc.name]
		if !ok {
			t.Fatalf("there is no sabotage %q", tc.name)
		}
		if got := ready.noticed(t, tc.fault, by, tc.want); (got != nil) != (tc.name != "") {
			t.Errorf("%q with %s: %q, want some that say %q", tc.name, tc.fault, got, tc.want)
		}
	}
}

// noticed returns what is found in the first case with this fault in which
// something is, and is like want.
func (p *planned) noticed(t *testing.T, name string, by sabotage, want string) (wrong []string) {
	t.Helper()
	for point := 1; ; point += 3 {
		c := crashCase{fault: faultNamed(name), nth: point % p.writes, point: point, late: true, sabotage: by}
		killed := false
		synctest.Test(t, func(t *testing.T) {
			is := c.crash(t, p)
			killed, wrong = is.killed, is.wrong
		})
		if slices.ContainsFunc(wrong, func(what string) bool { return strings.Contains(what, want) }) {
			return wrong
		}
		if !killed {
			return nil
		}
	}
}
