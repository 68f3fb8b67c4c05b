package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// errDead is what everything reports to a process that was killed.
var errDead = fmt.Errorf("killed: %w", runs.ErrStoreUnavailable)

// A killer kills a process at the n-th thing that it does to the journal or the
// target, before or after that is done: what comes later has no effect.
type killer struct {
	restore.Store
	mu   sync.Mutex
	left int  // things that are still done; -1 means that nobody is killed
	late bool // the last of them is done, and nobody is told

	// For a process of its own.
	die    func() // kills it; nil means that it only seems to be dead
	during bool   // it dies while the last thing is done, or else after it
}

// arm has the process killed at the n-th thing from now on.
func (k *killer) arm(n int, late bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.late = n, late
}

// step does one thing, unless the process is dead by then.
func (k *killer) step(do func() error) error {
	alive, heard := k.next()
	if !alive {
		return k.dead()
	}
	if !heard && k.during {
		time.AfterFunc(rand.N(3*time.Millisecond), k.die)
	}
	if err := do(); heard {
		return err
	}
	return k.dead() // it is done, and the process does not live to hear of it
}

func (k *killer) dead() error {
	if k.die != nil {
		k.die()
	}
	return errDead
}

// killed reports whether the process is dead.
func (k *killer) killed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.left == 0
}

// next reports whether the process is alive to do one more thing, and to hear of
// it.
func (k *killer) next() (alive, heard bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch k.left {
	case -1:
		return true, true
	case 0:
		return false, false
	}
	k.left--
	return k.left > 0 || k.late, k.left > 0
}

func (k *killer) Put(ctx context.Context, tenant, id string, fence int64, items []restore.Item) error {
	return k.step(func() error { return k.Store.Put(ctx, tenant, id, fence, items) })
}

func (k *killer) Remember(ctx context.Context, tenant string, answers []restore.Answer) error {
	return k.step(func() error { return k.Store.Remember(ctx, tenant, answers) })
}

// A mortal is a target that a dead process cannot reach.
type mortal struct {
	restore.Target
	k *killer
}

func (m mortal) Send(ctx context.Context, c restore.Call) (reply restore.Reply, err error) {
	if dead := m.k.step(func() error { reply, err = m.Target.Send(ctx, c); return nil }); dead != nil {
		return restore.Reply{}, dead
	}
	return reply, err
}

// small is a tenant with one object of each way of writing.
func small() graphtest.Document {
	raw := func(docs ...string) (all []json.RawMessage) {
		for _, d := range docs {
			all = append(all, json.RawMessage(d))
		}
		return all
	}
	return graphtest.Document{
		"groups":                             raw(`{"id":"11111111-1111-1111-1111-111111111111","displayName":"Pilots","securityEnabled":true}`),
		"deviceManagement/assignmentFilters": raw(`{"id":"f1","displayName":"Laptops","platform":"windows10AndLater","rule":"(device.model -eq \"X\")","roleScopeTags":["0"]}`),
		"deviceManagement/configurationPolicies": raw(`{"id":"p1","name":"Twin","platforms":"windows10","technologies":"mdm","roleScopeTagIds":["0"],"settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"a","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"1"}}}],"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"11111111-1111-1111-1111-111111111111","deviceAndAppManagementAssignmentFilterId":"f1","deviceAndAppManagementAssignmentFilterType":"include"}}]}`,
			`{"id":"p2","name":"Twin","platforms":"windows10","technologies":"mdm","roleScopeTagIds":["0"],"settings":[{"settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance","settingDefinitionId":"b","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"2"}}}],"assignments":[]}`),
		"deviceManagement/notificationMessageTemplates": raw(`{"id":"n1","displayName":"Notice","brandingOptions":"none","roleScopeTagIds":["0"],"localizedNotificationMessages":[{"locale":"en-us","subject":"S","messageTemplate":"M","isDefault":true},{"locale":"nl-nl","subject":"T","messageTemplate":"N","isDefault":false}]}`),
		"deviceManagement/termsAndConditions":           raw(`{"id":"t1","displayName":"Rules","title":"R","bodyText":"B","acceptanceStatement":"A","roleScopeTagIds":["0"],"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"11111111-1111-1111-1111-111111111111"}}]}`),
	}
}

// A process that is killed before or after anything that it writes down or sends,
// with any answer to its requests besides, leaves a restore that the next one
// completes: every object once and as it was, none with a broader target.
func TestCrashMatrix(t *testing.T) {
	long, want := os.Getenv("TENANTATLAS_LONG") != "", 500
	if long {
		want = 10000
	}
	m := matrix{happened: make(map[string]int)}
	for loss, left := range map[string]graphtest.Document{"wiped": wiped(), "changed": changed()} {
		var ready *planned
		synctest.Test(t, func(t *testing.T) { ready = planSmall(newWorld(t, small()), left) })
		for i, f := range faults {
			m.fill(t, ready, crashCase{loss: loss, fault: f, late: i%2 == 0}, long)
		}
	}
	t.Logf("%d cases, with these faults: %v", m.cases, m.happened)
	if m.cases < want {
		t.Errorf("%d cases, want %d", m.cases, want)
	}
	if m.missed > m.cases/100 {
		t.Errorf("in %d cases of %d the fault has hit nothing", m.missed, m.cases)
	}
	if n := m.happened["delayed visibility"]; n < want/len(faults)/4 {
		t.Errorf("something could not be seen in %d cases only", n)
	}
}

// A matrix counts cases, and those in which the fault has happened.
type matrix struct {
	cases    int
	missed   int // in which a fault that was to happen did not
	happened map[string]int
}

// fill tries a case at every point, before and after in turn. In the long version
// each is tried before and after, and meets each write, with a rest and without.
func (m *matrix) fill(t *testing.T, ready *planned, c crashCase, long bool) {
	t.Helper()
	steps := ready.stepsOf(t, c)
	rounds, times := 1, 1
	if long {
		rounds, times = 2*len(steps), 2
	}
	for round := 0; round < rounds && !t.Failed(); round++ {
		for point := 1; point <= slices.Max(steps); point++ {
			nth := (round + 5*point) % (2 * len(steps))
			c.point, c.nth, c.rest = point, nth%len(steps), nth >= len(steps)
			if point > steps[c.nth] {
				continue
			}
			for range times {
				c.late = !c.late
				m.try(t, ready, c)
			}
		}
	}
}

func (m *matrix) try(t *testing.T, ready *planned, c crashCase) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		is := c.crash(t, ready)
		is.report(t)
		if is.killed {
			m.cases++
		}
		if is.happened {
			m.happened[c.name]++
		} else if c.write { // whoever comes later need not send everything again
			m.missed++
		}
	})
}

// stepsOf returns how many things a process does that completes a restore, with the
// fault of c at each of the writes.
func (p *planned) stepsOf(t *testing.T, c crashCase) (steps []int) {
	t.Helper()
	c.point = never
	for c.nth = range p.writes {
		synctest.Test(t, func(t *testing.T) {
			is := c.crash(t, p)
			is.report(t)
			steps = append(steps, is.steps)
		})
	}
	return steps
}

// never is a point that no process comes to.
const never = 1000

// A planned restore was previewed and waits for its execution: what every case
// begins with.
type planned struct {
	stores stores // of which an execution only reads the backups
	vault  *backup.Vault
	left   graphtest.Document // of the tenant
	r      *restore.Restore
	items  []restore.Item

	// What an execution takes that nothing happens to: things that it does, and
	// writes, of the method that it takes most of.
	steps, writes int
}

// planSmall plans a restore of everything in the small tenant, of which this is
// left.
func planSmall(w *world, left graphtest.Document) *planned {
	w.t.Helper()
	set := w.backup("assignmentFilter", "configurationPolicy", "notificationMessageTemplate", "termsAndConditions")
	w.wipe() // what is no group
	rest := maps.Clone(left)
	delete(rest, groups)
	if err := w.server.Tenant(contoso).LoadDocument(rest); err != nil {
		w.t.Fatal(err)
	}
	r := w.plan(contoso, set.ID)
	w.preview(contoso, r.ID)
	p := &planned{stores: w.stores, vault: w.cfg.Vault, left: left, r: w.get(contoso, r.ID)}
	for _, i := range w.items(contoso, r.ID) {
		p.items = append(p.items, i)
	}
	is := crashCase{fault: faultNamed("none"), point: never}.crash(w.t, p)
	is.report(w.t)
	p.steps, p.writes = is.steps, is.writes
	return p
}

// put puts the restore and its items into a store that does not have it.
func (p *planned) put(w *world, id string) *restore.Restore {
	w.t.Helper()
	r := *p.r
	r.ID = id
	err := w.cfg.Store.Create(w.t.Context(), &r)
	if err == nil {
		err = w.cfg.Store.Put(w.t.Context(), r.Tenant, r.ID, r.Fence, p.items)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return &r
}

// wiped is what is left of the small tenant.
func wiped() graphtest.Document { return graphtest.Document{groups: small()[groups]} }

// changed is the small tenant after somebody has changed everything in it, and has
// taken everything from everybody.
func changed() graphtest.Document {
	is := small()
	for _, docs := range is {
		for i, doc := range docs {
			text := strings.NewReplacer(
				`"X\"`, `"changed\"`, `"value":"1"`, `"value":"changed"`, `"value":"2"`, `"value":"changed"`,
				`"subject":"S"`, `"subject":"changed"`, `"bodyText":"B"`, `"bodyText":"changed"`,
			).Replace(string(doc))
			if before, _, ok := strings.Cut(text, `"assignments":`); ok {
				text = before + `"assignments":[]}`
			}
			docs[i] = json.RawMessage(text)
		}
	}
	return is
}

// A crashCase says when a process is killed, and what else happens.
type crashCase struct {
	loss string // what is to be restored
	fault
	nth   int  // write that the fault hits, from 0
	point int  // thing that the process is killed at, from 1
	late  bool // after it is done
	rest  bool // the next process comes when the window is long over

	sabotage // for what is to be found
}

func (c crashCase) String() string {
	at := fmt.Sprintf("%s, killed at %d, %s at write %d", c.loss, c.point, c.name, c.nth)
	if c.late {
		at += ", after it"
	}
	if c.rest {
		at += ", and a long rest"
	}
	return at
}

// A crashed restore is what was seen of one.
type crashed struct {
	crashCase
	killed   bool     // the process was
	steps    int      // what it did until then
	writes   int      // of the method of which there were most
	happened bool     // the fault has hit something
	wrong    []string // what should not be
}

func (is *crashed) report(t *testing.T) {
	t.Helper()
	for _, what := range is.wrong {
		t.Errorf("%s: %s", is, what)
	}
}

// crash restores the small tenant in a process that is killed, and then in
// another one.
func (c crashCase) crash(t *testing.T, ready *planned) *crashed {
	t.Helper()
	s := memory(t)
	s.backups = ready.stores.backups
	w := openWorld(t, ready.left, s, ready.vault)
	r := ready.put(w, ready.r.ID)
	c.set(w.server, c.nth, 20*time.Second)

	k := &killer{Store: c.journal(w.cfg.Store), left: c.point, late: c.late}
	w.mortal(k, c.sabotage)
	w.carryOut(r.ID, k.killed)
	is := &crashed{crashCase: c, killed: k.killed(), steps: c.point - k.left}
	k.left = -1
	is.wrong = w.lies(r.ID, ready.left)
	if c.rest {
		time.Sleep(time.Hour)
	}
	last := w.carryOut(r.ID, func() bool { return false })
	is.wrong = append(is.wrong, w.amiss(r.ID, ready.left)...)
	if n := int64(len(w.items(contoso, r.ID))); last.Outcome != runs.OutcomeSucceeded || last.Counts.Succeeded != n || last.Counts.Total != n {
		is.wrong = append(is.wrong, fmt.Sprintf("the last run ended as %s, %d of %d, want all %d succeeded", last.Outcome, last.Counts.Succeeded, last.Counts.Total, n))
	}
	is.happened, is.writes = c.happened(w.server), writesTo(w.server)
	return is
}

// carryOut executes a restore until it is finished, or enough of it, and returns the
// last run. Whoever has to wait is executed again: after two windows if a fault hits
// the second try.
func (w *world) carryOut(id string, enough func() bool) *runs.Run {
	w.t.Helper()
	for try := 1; ; try++ {
		last := w.execute(contoso, id)
		if w.finished(id) || enough() || try == 60 {
			return last
		}
		time.Sleep(time.Minute) // synctest: until the service shows what it has
	}
}

// finished reports whether every item has come to its end.
func (w *world) finished(id string) bool {
	for _, i := range w.items(contoso, id) {
		if i.Step != restore.Done {
			return false
		}
	}
	return true
}

// mortal has executions done by a process that k kills, and that by may be wrong in.
func (w *world) mortal(k *killer, by sabotage) {
	cfg := w.cfg
	cfg.Store = k
	target := cfg.Target
	cfg.Target = func(ctx context.Context, tenant string) (restore.Target, error) {
		is, err := target(ctx, tenant)
		return mortal{by.service(is), k}, err
	}
	w.tracker = w.newTracker(cfg)
}
