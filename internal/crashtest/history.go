//go:build unix

package crashtest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// A history is what all processes have said.
type history struct {
	mu        sync.Mutex
	processes int
	deaths    map[int]time.Time // of processes, as the parent has seen them
	events    []event
}

// launch returns the number of a new process.
func (h *history) launch() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.processes++
	return h.processes
}

func (h *history) launched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.processes
}

func (h *history) add(process int, e event) {
	e.process = process
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// died notes the violent end of a process.
func (h *history) died(process int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deaths == nil {
		h.deaths = map[int]time.Time{}
	}
	h.deaths[process] = time.Now()
}

func (h *history) killed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.deaths)
}

// each calls f with the events of a kind, in the order of their times.
func (h *history) each(kind eventKind, f func(e event)) {
	for _, e := range h.sorted() {
		if e.Kind == kind {
			f(e)
		}
	}
}

func (h *history) sorted() []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := slices.Clone(h.events)
	slices.SortStableFunc(all, func(a, b event) int { return a.At.Compare(b.At) })
	return all
}

// A Summary is what a crash test has seen.
type Summary struct {
	Store        string        `json:"store"`
	Seed         uint64        `json:"seed"`
	Processes    int           `json:"processes"`
	Kills        int           `json:"kills"`
	Points       int           `json:"points"`       // at which processes were killed
	Runs         int           `json:"runs"`         // in the store at the end
	Acknowledged int           `json:"acknowledged"` // starts that returned
	Joined       int           `json:"joined"`       // of them to a run that was there
	Rescues      int           `json:"rescues"`      // runs that were taken from dead processes
	WorkerLost   int           `json:"worker_lost"`  // runs that failed because that happened thrice
	ToldTwice    int           `json:"told_twice"`   // ends that the observer heard of more than once
	Repeated     int           `json:"repeated"`     // effects between which and their report a process died
	Unstored     int           `json:"unstored"`     // items of successful runs that the store was too slow for
	DetectP50    time.Duration `json:"-"`            // from a death until its run is taken
	DetectP99    time.Duration `json:"-"`
	Dying        time.Duration `json:"-"` // how long processes were killed
	Took         time.Duration `json:"-"`
}

// log writes s as one line of JSON behind the word "crashtest:".
func (s Summary) log(t *testing.T) {
	t.Helper()
	line, err := json.Marshal(struct {
		Summary
		DetectP50 int64 `json:"detect_p50_ms"`
		DetectP99 int64 `json:"detect_p99_ms"`
		Dying     int64 `json:"dying_ms"`
		Took      int64 `json:"took_ms"`
	}{s, s.DetectP50.Milliseconds(), s.DetectP99.Milliseconds(), s.Dying.Milliseconds(), s.Took.Milliseconds()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("crashtest: %s", line)
}

// check compares what the processes have said with what the database has.
func (h *history) check(t *testing.T, db sqltest.DB, kept *bunruns.Store) Summary {
	t.Helper()
	c := &checker{t: t, history: h, runs: map[string]*runs.Run{}, sum: Summary{Store: db.Dialect.String()}}
	if err := c.load(t.Context(), db, kept); err != nil {
		t.Fatal(err)
	}
	c.starts()
	c.ends()
	c.attempts()
	c.effects()
	c.overlaps()
	c.detection()
	c.sum.Kills, c.sum.Processes, c.sum.Runs = h.killed(), h.launched(), len(c.runs)
	points := map[string]bool{}
	h.each(eventKill, func(e event) { points[e.Text] = true })
	c.sum.Points = len(points)
	return c.sum
}

type checker struct {
	t       *testing.T
	history *history
	runs    map[string]*runs.Run
	items   map[string][]runs.Item // by run
	inbox   map[string][]string    // the outcomes that it was told, by run
	sum     Summary
}

func (c *checker) load(ctx context.Context, db sqltest.DB, kept *bunruns.Store) (err error) {
	tenants, err := texts(ctx, db.Read.DB, "SELECT DISTINCT tenant FROM operation_runs")
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		ids, err := texts(ctx, db.Read.DB, db.Dialect.Bind("SELECT id FROM operation_runs WHERE tenant = $1"), tenant)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, err := kept.Get(ctx, runs.Ref{Tenant: tenant, ID: id})
			if err != nil {
				return err
			}
			c.runs[id] = r
		}
	}
	c.items = map[string][]runs.Item{}
	for id, r := range c.runs {
		page, err := kept.Items(ctx, runs.ItemQuery{Run: r.Ref(), Limit: runs.MaxLimit})
		if err != nil {
			return err
		}
		c.items[id] = page.Items
	}
	c.inbox, err = notes(ctx, db)
	return err
}

// starts checks that every start that was acknowledged is there, and that no run
// is there whose process died before it was to be stored.
func (c *checker) starts() {
	c.history.each(eventKill, func(e event) {
		if e.Text == "start.before" && c.runs[e.Run] != nil {
			c.t.Errorf("run %s is there, whose process died before it stored it", e.Run)
		}
	})
	seen := map[string]bool{}
	c.history.each(eventStarted, func(e event) {
		c.sum.Acknowledged++
		r := c.runs[e.Run]
		switch {
		case r == nil:
			c.t.Errorf("run %s was acknowledged, and is not there", e.Run)
		case string(r.Key) != e.Key || r.Once != e.Once:
			c.t.Errorf("run %s was acknowledged with the key %q and %q, and has %q and %q", e.Run, e.Key, e.Once, r.Key, r.Once)
		case seen[e.Run]:
			c.sum.Joined++
		}
		seen[e.Run] = true
	})
}

// ends checks that every run has ended, and that its end was told, in the right
// words, and is in the inbox once.
func (c *checker) ends() {
	for id, r := range c.runs {
		if !r.Ended() || !r.Announced {
			c.t.Errorf("run %s is %s, announced %t", id, r.Status, r.Announced)
		}
		told := c.inbox[id]
		if len(told) == 0 {
			c.t.Errorf("nobody was told of the end of run %s", id)
		}
		for _, outcome := range told {
			if outcome != string(r.Outcome) {
				c.t.Errorf("run %s ended as %s, and the inbox was told %q", id, r.Outcome, told)
			}
		}
		if len(told) > 1 {
			c.sum.ToldTwice++
		}
		if r.Failure.Reason == runs.ReasonWorkerLost {
			c.sum.WorkerLost++
		}
	}
	for id := range c.inbox {
		if c.runs[id] == nil {
			c.t.Errorf("the inbox was told of run %s, which is not there", id)
		}
	}
}

// attempts checks that attempts are explained by losses and by waiting.
func (c *checker) attempts() {
	parked := map[string]int{}
	c.history.each(eventParking, func(e event) { parked[e.Run]++ })
	const maxLost = 3
	for id, r := range c.runs {
		lost := r.Failure.Reason == runs.ReasonWorkerLost
		if r.Attempt > r.Lost+parked[id]+1 {
			c.t.Errorf("run %s has %d attempts, with %d losses and %d times waiting", id, r.Attempt, r.Lost, parked[id])
		}
		if r.Lost > maxLost || lost != (r.Lost == maxLost) && r.Outcome != runs.OutcomeCanceled {
			c.t.Errorf("run %s lost its worker %d times and ended as %s because of %q", id, r.Lost, r.Outcome, r.Failure.Reason)
		}
	}
}

// effects checks that what was done for an item is repeated only if its process
// died before the item was stored, that every item that is stored was done, and
// that counts are those of the items.
func (c *checker) effects() {
	type name struct{ run, item string }
	done := map[name][]int{} // the attempts that did it
	c.history.each(eventEffect, func(e event) {
		n := name{e.Run, e.Item}
		done[n] = append(done[n], e.Attempt)
		if r := c.runs[e.Run]; r != nil && r.Attempt == e.Attempt && e.At.After(r.CompletedAt.Add(time.Microsecond)) {
			c.t.Errorf("run %s: something was done for %s %v after its end", e.Run, e.Item, e.At.Sub(r.CompletedAt))
		}
	})
	settled := map[name]int{}
	for id, items := range c.items {
		for _, it := range items {
			settled[name{id, it.Key}] = it.Attempt
			if !slices.Contains(done[name{id, it.Key}], it.Attempt) {
				c.t.Errorf("run %s: %s is stored by attempt %d, and was done by %v", id, it.Key, it.Attempt, done[name{id, it.Key}])
			}
		}
		r := c.runs[id]
		if r.Outcome != runs.OutcomeSucceeded {
			continue
		}
		if r.Counts.Total != r.Counts.Succeeded || r.Counts.Succeeded < int64(len(items)) {
			c.t.Errorf("run %s succeeded with counts %+v and %d items", id, r.Counts, len(items))
		}
		c.sum.Unstored += int(r.Counts.Succeeded) - len(items)
	}
	for n, attempts := range done {
		c.sum.Repeated += len(attempts) - 1
		slices.Sort(attempts)
		if len(slices.Compact(slices.Clone(attempts))) != len(attempts) {
			c.t.Errorf("run %s: %s was done twice within an attempt: %v", n.run, n.item, attempts)
		}
		if by, ok := settled[n]; ok && attempts[len(attempts)-1] > by {
			c.t.Errorf("run %s: %s was stored by attempt %d, and done again by %v", n.run, n.item, by, attempts)
		}
	}
}

// overlaps checks that of the runs with one key, none was claimed before the
// one before it had ended.
func (c *checker) overlaps() {
	claimed := map[string]time.Time{}
	c.history.each(eventClaimed, func(e event) {
		if _, ok := claimed[e.Run]; !ok {
			claimed[e.Run] = e.At
		}
	})
	type shared struct {
		tenant string
		key    runs.Key
	}
	byKey := map[shared][]*runs.Run{}
	for id, r := range c.runs {
		if _, ok := claimed[id]; ok && r.Key != "" {
			byKey[shared{r.Tenant, r.Key}] = append(byKey[shared{r.Tenant, r.Key}], r)
		}
	}
	for _, same := range byKey {
		slices.SortFunc(same, func(a, b *runs.Run) int { return cmp.Compare(claimed[a.ID].UnixNano(), claimed[b.ID].UnixNano()) })
		for i := 1; i < len(same); i++ {
			if before := same[i-1]; claimed[same[i].ID].Before(before.CompletedAt) {
				c.t.Errorf("run %s was claimed at %v, when run %s with its key had not ended, at %v",
					same[i].ID, claimed[same[i].ID], before.ID, before.CompletedAt)
			}
		}
	}
}

// detection measures how long it took from the death of a process until each
// of the runs it had was taken from it.
func (c *checker) detection() {
	type owner struct {
		process, attempt int
	}
	owners := map[string]owner{}
	lost := map[string]int{}
	var took []time.Duration
	for _, e := range c.history.sorted() {
		switch e.Kind {
		case eventClaimed:
			owners[e.Run] = owner{e.process, e.Attempt}
		case eventSettled:
			delete(owners, e.Run)
		case eventSwept:
			if e.Lost <= lost[e.Run] {
				continue
			}
			lost[e.Run] = e.Lost
			c.sum.Rescues++
			o, ok := owners[e.Run]
			died, dead := c.history.deaths[o.process]
			if ok && dead && o.attempt == e.Attempt {
				took = append(took, max(e.At.Sub(died), 0))
			}
			delete(owners, e.Run)
		case eventStarted, eventEffect, eventParking, eventKill, eventBroken, eventReady, eventBye:
		}
	}
	slices.Sort(took)
	if len(took) > 0 {
		c.sum.DetectP50 = took[len(took)/2]
		c.sum.DetectP99 = took[len(took)*99/100]
	}
}
