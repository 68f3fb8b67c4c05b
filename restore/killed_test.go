//go:build unix

package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// envVictim is the environment variable that makes TestKilled a process that is
// killed.
const envVictim = "TENANTATLAS_RESTORE_VICTIM"

// A victim is what a process is to do: it finishes what the one before it has
// left, and begins another restore, in the middle of which it kills itself.
type victim struct {
	DSN    string `json:"dsn"`
	Finish errand `json:"finish"`
	Begin  errand `json:"begin"`
	Point  int    `json:"point"` // thing that it does, from 1
	When   string `json:"when"`  // before, during or after it

	Sabotage string `json:"sabotage,omitempty"` // by name; see sabotages

	// Now is what its clock shows at first: that of the last intent, so that the
	// window, which is minutes otherwise, is not over before it looks.
	Now time.Time `json:"now"`
}

// An errand is a restore, and where the service is that it is sent to.
type errand struct {
	Restore string `json:"restore"` // empty for none
	Graph   string `json:"graph"`
	Token   string `json:"token"`
}

// Processes that keep everything in a database are killed with SIGKILL before,
// during and after what they write down or send, with any answer to their requests
// besides. The journal is true then, and the next process completes the restore:
// every object once, none with a broader target.
func TestKilled(t *testing.T) {
	if text := os.Getenv(envVictim); text != "" {
		var v victim
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		v.live(t)
		return
	}
	kills := 12 // of each of the chains
	if os.Getenv("TENANTATLAS_LONG") != "" {
		kills = 130
	}
	for name, fresh := range map[string]func(t testing.TB) sqltest.DB{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		for i := range chains {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				t.Parallel() // it mostly waits
				left := wiped()
				if i == 0 {
					left = changed()
				}
				newChain(t, fresh(t), left).run(i, kills)
			})
		}
	}
}

// chains is how many processes of one driver live at a time, each with a database
// of its own.
const chains = 3

// What processes that are killed do otherwise than they should is noticed.
func TestKilledNotices(t *testing.T) {
	for _, tc := range []struct{ name, fault, want string }{
		{"intents are not stored", "504 applied, delayed visibility", "and the journal knows of "},
		{"nothing is found that is there", "504 applied", " objects, want "},
		{"filters are dropped", "none", "is assigned to {"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newChain(t, sqltest.SQLite(t), wiped())
			// By its eighth thing the process has sent the request whose result it is
			// not told, and cannot see.
			v := victim{DSN: c.db.DSN, Now: time.Now(), Point: 8, When: "after", Sabotage: tc.name}
			is := c.commit(v, faultNamed(tc.fault), 0, time.Minute)
			if !c.kill(v, nil, is) {
				t.Fatal("the process was not killed")
			}
			wrong := is.lies()
			if len(wrong) == 0 {
				v.Now = is.lastIntent(v.Now)
				c.kill(v, is, nil)
				wrong = is.amiss()
			}
			if !slices.ContainsFunc(wrong, func(what string) bool { return strings.Contains(what, tc.want) }) {
				t.Errorf("%q, want some that say %q", wrong, tc.want)
			}
		})
	}
}

// A chain is processes that live one after the other.
type chain struct {
	t      *testing.T
	db     sqltest.DB
	stores stores
	ready  *planned
}

func newChain(t *testing.T, db sqltest.DB, left graphtest.Document) *chain {
	t.Helper()
	c := &chain{t: t, db: db, stores: openSQL(t, db)}
	migrate(t, c.stores)
	synctest.Test(t, func(t *testing.T) {
		s := openSQL(t, sqltest.Open(t, db.DSN))
		s.inventory = nil
		c.ready = planSmall(newWorldIn(t, small(), s), left)
	})
	return c
}

// A crime is a restore in the middle of which a process is killed, and the tenant
// that it goes to.
type crime struct {
	*world
	id    string
	at    string // what is said about it
	fault fault
	left  graphtest.Document
}

func (c *crime) lies() []string { return c.world.lies(c.id, c.left) }

func (c *crime) amiss() []string { return c.world.amiss(c.id, c.left) }

func (c *crime) report(wrong []string) {
	c.t.Helper()
	for _, what := range wrong {
		c.t.Errorf("%s: %s", c.at, what)
	}
}

// run starts so many processes that are to be killed, at other points than those
// of the chains beside it.
func (c *chain) run(number, kills int) {
	c.t.Helper()
	died := 0
	whens := []string{"before", "during", "after"}
	all := c.ready.steps * len(whens)
	happened := make(map[string]int)
	var left *crime
	for n := range kills + 1 {
		v := victim{DSN: c.db.DSN, Now: time.Now()}
		if left != nil {
			v.Now = left.lastIntent(v.Now)
		}
		var next *crime
		if n < kills {
			nth := n*chains + number
			at := nth * 7 % all // apart from each other, and all of them in turn
			v.Point, v.When = 1+at/len(whens), whens[at%len(whens)]
			next = c.commit(v, faults[nth%len(faults)], at%c.ready.writes, 200*time.Millisecond)
		}
		killed := c.kill(v, left, next)
		if left != nil {
			left.report(left.amiss())
			if left.fault.happened(left.server) {
				happened[left.fault.name]++
			}
		}
		switch {
		case killed:
			died++
			next.report(next.lies())
		case next != nil: // an answer has spared it a step
			next.report(next.amiss())
			next = nil
		}
		if left = next; c.t.Failed() {
			return
		}
	}
	c.t.Logf("%d processes were killed, with these faults: %v", died, happened)
	if n := happened["504 applied"]; n == 0 {
		c.t.Error("no request was answered with 504")
	}
	if died < kills*3/4 {
		c.t.Errorf("%d processes of %d were killed", died, kills)
	}
}

// lastIntent returns when the last intent was stored, or now if there is none.
func (c *crime) lastIntent(now time.Time) time.Time {
	c.t.Helper()
	var last time.Time
	for _, i := range c.items(contoso, c.id) {
		if i.IntentAt.After(last) {
			last = i.IntentAt
		}
	}
	if last.IsZero() {
		return now
	}
	return last
}

// commit makes a tenant that has lost something, in which there is a fault, and a
// restore of that.
func (c *chain) commit(v victim, f fault, nth int, lag time.Duration) *crime {
	c.t.Helper()
	w := openWorld(c.t, c.ready.left, stores{backups: c.stores.backups, restores: c.stores.restores}, c.ready.vault)
	f.set(w.server, nth, lag)
	at := fmt.Sprintf("killed %s %d of %d, %s", v.When, v.Point, c.ready.steps, f.name)
	return &crime{w, c.ready.put(w, strings.ReplaceAll(at, " ", "-")+time.Now().Format("-150405.000000")).ID, at, f, c.ready.left}
}

// kill runs a process to its end and reports whether it was killed. When it
// returns, the services have carried out whatever they were asked.
func (c *chain) kill(v victim, finish, begin *crime) bool {
	c.t.Helper()
	for who, to := range map[*crime]*errand{finish: &v.Finish, begin: &v.Begin} {
		if who == nil {
			continue
		}
		server := httptest.NewServer(who.server)
		defer server.Close()
		token, err := who.server.IssueToken(graphtest.Grant{Tenant: contoso})
		if err != nil {
			c.t.Fatal(err)
		}
		*to = errand{who.id, server.URL, token}
	}
	text, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), os.Args[0], "-test.run=^TestKilled$", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), envVictim+"="+string(text))
	said, err := cmd.CombinedOutput()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	killed := ok && status.Signal() == syscall.SIGKILL
	switch {
	case strings.Contains(string(said), "DATA RACE"), err != nil && !killed:
		c.t.Errorf("%+v: %v\n%s", v, err, said)
	case finish != nil && !strings.Contains(string(said), "finished\n"):
		c.t.Errorf("%s: the next process has not completed it:\n%s", finish.at, said)
	}
	return killed
}

// live does what the process is to do.
func (v victim) live(t *testing.T) {
	s := openSQL(t, sqltest.Open(t, v.DSN))
	vault, err := backup.NewVault(plainKeys{}, s.backups)
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{Store: s.restores, left: -1, during: v.When == "during"}
	k.die = func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // it is on its way
	}
	var graph atomic.Pointer[graphclient.Client]
	graph.Store(v.Finish.client(t))
	began := sync.OnceValue(time.Now)
	by := sabotages[v.Sabotage]
	k.Store = by.journal(k.Store)
	op := restore.ExecuteOperation(restore.Config{
		Now:   func() time.Time { return v.Now.Add(time.Since(began())) },
		Store: k, Backups: s.backups, Vault: vault, Window: 3 * time.Second, Settle: 2 * time.Second,
		Target: func(context.Context, string) (restore.Target, error) {
			return mortal{by.service(graphtarget.New(graph.Load())), k}, nil
		},
	})
	tracker, err := runs.New(runs.Config{
		Store: s.runs, Items: s.runs, Dispatcher: pondruns.New(pondruns.Config{Workers: 2}), Operations: []runs.Operation{op},
		Instance: "restorer", Sweep: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	if v.Finish.Restore != "" {
		v.Finish.carryOut(t, tracker, s.restores)
		fmt.Println("finished")
	}
	if v.Begin.Restore != "" {
		graph.Store(v.Begin.client(t))
		k.arm(v.Point, v.When != "before")
		v.Begin.carryOut(t, tracker, s.restores)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// client returns a client of the service of the errand, which has no limits.
func (e errand) client(t *testing.T) *graphclient.Client {
	t.Helper()
	if e.Graph == "" {
		return nil
	}
	free, err := graphclient.NewLimiter(graphclient.LimiterConfig{
		Limit: func(contract.Bucket) contract.Limit { return contract.Limit{Window: time.Second, Requests: 10000} },
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{
		Tenant: contoso, Tokens: fixedToken(e.Token), Limiter: free, Cloud: graphclient.Cloud{Graph: e.Graph, Login: e.Graph},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// carryOut has the restore executed until every item has come to its end.
func (e errand) carryOut(t *testing.T, tracker *runs.Tracker, journal restore.Journal) {
	t.Helper()
	dry := false
	for range 30 {
		started, err := tracker.Start(t.Context(), runs.Request{Tenant: contoso, Type: restore.ExecuteType, Initiator: dana, Params: restore.ExecuteInput{
			Restore: e.Restore, DryRun: &dry, Acknowledge: true, Confirm: contoso,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tracker.Wait(t.Context(), started.Run.Ref()); err != nil {
			t.Fatal(err)
		}
		page, err := journal.Items(t.Context(), restore.ItemQuery{Tenant: contoso, Restore: e.Restore})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(page.Items, func(i restore.Item) bool { return i.Step != restore.Done }) {
			return
		}
	}
	t.Fatal("the restore comes to no end")
}
