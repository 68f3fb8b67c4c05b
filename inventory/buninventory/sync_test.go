package buninventory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

const contoso = "contoso"

// both is a store whose writes another one gets too.
type both struct {
	inventory.Store
	other inventory.Store
}

func (b both) Put(ctx context.Context, s inventory.Sync, entries []inventory.Entry) error {
	return errors.Join(b.Store.Put(ctx, s, entries), b.other.Put(ctx, s, entries))
}

func (b both) Cover(ctx context.Context, s inventory.Sync, c inventory.Coverage, missed []string) error {
	return errors.Join(b.Store.Cover(ctx, s, c, missed), b.other.Cover(ctx, s, c, missed))
}

func (b both) Finish(ctx context.Context, s inventory.Sync, at time.Time) error {
	return errors.Join(b.Store.Finish(ctx, s, at), b.other.Finish(ctx, s, at))
}

type staticToken string

func (s staticToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(s))}, nil
}

// newTracker returns a tracker that syncs the demo tenant into a store.
func newTracker(t *testing.T, store inventory.Store) (*runs.Tracker, *graphtest.Tenant) {
	t.Helper()
	server, err := graphtest.New(graphtest.Config{Tenants: []string{contoso}})
	if err != nil {
		t.Fatal(err)
	}
	tenant := server.Tenant(contoso)
	if err := tenant.LoadDocument(graphtest.DemoTenant(1, 1)); err != nil {
		t.Fatal(err)
	}
	token, err := server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{Limit: func(contract.Bucket) contract.Limit {
		return contract.Limit{Window: time.Second, Requests: 10_000} // nobody is waited for here
	}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{
		Tenant: contoso, Tokens: staticToken(token), Transport: server.Transport(), Limiter: limiter,
	})
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{}),
		Operations: []runs.Operation{inventory.Operation(inventory.Config{
			Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(client), nil },
			Store:  store,
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return tracker, tenant
}

// syncs runs a sync to its end.
func syncs(t *testing.T, tracker *runs.Tracker) *runs.Run {
	t.Helper()
	started, err := tracker.Start(t.Context(), runs.Request{
		Tenant: contoso, Type: inventory.SyncType, Params: json.RawMessage(`{}`), Initiator: runs.User("dana", "Dana"),
	})
	if err != nil {
		t.Fatal(err)
	}
	run, err := tracker.Wait(t.Context(), started.Run.Ref())
	if err != nil {
		t.Fatal(err)
	}
	if run.Outcome != runs.OutcomeSucceeded {
		t.Fatalf("outcome = %s %+v %+v, want succeeded", run.Outcome, run.Failure, run.Failures)
	}
	return run
}

// A dump is everything that a reader tells about a tenant.
type dump struct {
	Items    []inventory.Document
	Missing  []inventory.Ref
	Links    []inventory.Link
	Coverage inventory.Report
}

func dumpOf(t *testing.T, r inventory.Reader, tenant, selection string) dump {
	t.Helper()
	var d dump
	for _, i := range items(t, r, inventory.Query{Tenant: tenant, Selection: selection}) {
		doc, err := r.Get(t.Context(), tenant, i.Ref(), selection)
		if err != nil {
			t.Fatalf("%v: %v", i.Ref(), err)
		}
		if diff := cmp.Diff(i, doc.Item); diff != "" {
			t.Errorf("%v is not as it is listed (-listed +got):\n%s", i.Ref(), diff)
		}
		d.Items = append(d.Items, doc)
	}
	for _, i := range items(t, r, inventory.Query{Tenant: tenant, Selection: selection, Missing: true}) {
		d.Missing = append(d.Missing, i.Ref())
	}
	q := inventory.LinkQuery{Tenant: tenant, Selection: selection}
	for more := true; more; more = q.After != "" {
		page, err := r.Links(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		d.Links = append(d.Links, page.Links...)
		q.After = page.Next
	}
	var err error
	if d.Coverage, err = r.Coverage(t.Context(), inventory.CoverageQuery{Tenant: tenant, Selection: selection}); err != nil {
		t.Fatal(err)
	}
	return d
}

// items returns what q finds, over all pages.
func items(t testing.TB, r inventory.Reader, q inventory.Query) []inventory.Item {
	t.Helper()
	var all []inventory.Item
	for more := true; more; more = q.After != "" {
		page, err := r.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
		q.After = page.Next
	}
	return all
}

// A tenant is synced into a database and into memory, objects vanish from it,
// and it is synced again: the two stores always tell the same.
func TestSync(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		open(t, plain)
		db, counter := sqltest.Count(t, plain.DSN)
		store, memory := open(t, db), meminventory.New()
		tracker, tenant := newTracker(t, both{store, memory})
		compare := func(when string, run *runs.Run) {
			t.Helper()
			report, err := store.Coverage(t.Context(), inventory.CoverageQuery{Tenant: contoso, Run: run.ID})
			if err != nil {
				t.Fatal(err)
			}
			for _, selection := range []string{"", report.Selection} {
				want, got := dumpOf(t, memory, contoso, selection), dumpOf(t, store, contoso, selection)
				if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); diff != "" {
					t.Errorf("%s, the database differs from memory (-memory +database):\n%s", when, diff)
				}
			}
			for _, c := range report.Kinds {
				want, err := memory.Known(t.Context(), contoso, c.Kind)
				got, err2 := store.Known(t.Context(), contoso, c.Kind)
				if diff := cmp.Diff(want, got); diff != "" || err != nil || err2 != nil {
					t.Errorf("%s, what is known of %s differs (-memory +database) (%v, %v):\n%s", when, c.Kind, err, err2, diff)
				}
			}
		}
		compare("first", syncs(t, tracker))

		counter.Take()
		again := syncs(t, tracker)
		statements := counter.Take()
		compare("unchanged", again)
		report, err := store.Coverage(t.Context(), inventory.CoverageQuery{Tenant: contoso, Run: again.ID})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range statements {
			for _, table := range []string{"INSERT INTO inventory_items", "INSERT INTO inventory_links", "INSERT INTO inventory_contents"} {
				if strings.HasPrefix(text, table) {
					t.Errorf("the second sync wrote what had not changed: %s", text)
				}
			}
		}
		if most := len(report.Kinds)*9 + 10; len(statements) > most {
			t.Errorf("the second sync took %d statements for %d kinds, want at most %d", len(statements), len(report.Kinds), most)
		}

		const policies = "deviceManagement/configurationPolicies"
		for _, id := range tenant.IDs(policies)[:3] {
			if err := tenant.Delete(policies, id); err != nil {
				t.Fatal(err)
			}
		}
		compare("after three were removed", syncs(t, tracker))
		compare("after they were missed twice", syncs(t, tracker))
		missing := items(t, store, inventory.Query{Tenant: contoso, Missing: true})
		if len(missing) != 3 || missing[0].Confidence != inventory.ConfidenceHigh {
			t.Errorf("missing are %s, want three with a high confidence", jsonOf(t, missing))
		}
	})
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A second sync of 1,000 items writes nothing to their rows, and takes as many
// statements as one of ten.
func TestSecondSync(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		open(t, plain)
		db, counter := sqltest.Count(t, plain.DSN)
		s := open(t, db)
		fill(t, s, "acme", 1000)
		fill(t, s, "globex", 10)
		count := func(tenant, run string, at time.Time) int {
			t.Helper()
			counter.Take()
			sync := inventory.Sync{Tenant: tenant, Run: run, Selection: "everything"}
			for k := range 7 {
				if _, err := s.Known(t.Context(), tenant, fmt.Sprintf("kind%02d", k)); err != nil {
					t.Fatal(err)
				}
			}
			cover(t, s, sync, at)
			return len(counter.Take())
		}
		count("acme", "run-0", morning)
		rows := stored(t, db)
		large, small := count("acme", "run-1", morning.Add(time.Hour)), count("globex", "run-1", morning.Add(time.Hour))
		if large != small || large > 7*9+10 {
			t.Errorf("a second sync took %d statements for 1,000 items and %d for ten, want as many, and no more than %d", large, small, 7*9+10)
		}
		if diff := cmp.Diff(rows, stored(t, db)); diff != "" {
			t.Errorf("the second sync wrote to the rows of items (-first +second):\n%s", diff)
		}
		all := items(t, s, inventory.Query{Tenant: "acme", Limit: inventory.MaxLimit})
		if len(all) != 1000 {
			t.Errorf("%d items, want 1,000", len(all))
		}
		for _, i := range all {
			if i.LastSeenRun != "run-1" || !i.LastSeenAt.Equal(morning.Add(time.Hour)) {
				t.Fatalf("%v was last seen at %v by %s, want by the second sync", i.Ref(), i.LastSeenAt, i.LastSeenRun)
			}
		}
	})
}

// stored returns what the rows of items say about when they were last seen,
// and with PostgreSQL, which version of them it is.
func stored(t *testing.T, db sqltest.DB) []string {
	t.Helper()
	text := "SELECT id || ' ' || seen_at || ' ' || seen_run || ' ' || since FROM inventory_items WHERE tenant = 'acme' ORDER BY id"
	if db.Dialect.String() == "postgres" {
		text = strings.Replace(text, " FROM", " || ' ' || ctid::text || ' ' || xmin::text FROM", 1)
	}
	rows, err := db.Read.DB.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%d rows: %v", len(all), err)
	}
	return all
}
