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

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
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

// faults are what can happen to a request besides. What is new is seen after lag,
// and in lists after twice as long.
var faults = map[string]func(s *graphtest.Server, nth int, lag time.Duration){
	"none": func(*graphtest.Server, int, time.Duration) {},
	"504 applied": func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Applied: true, Skip: nth, Times: 1})...)
	},
	"504 not applied": func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Skip: nth, Times: 1})...)
	},
	"reset applied": func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultReset, Applied: true, Skip: nth, Times: 1})...)
	},
	"reset not applied": func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultReset, Skip: nth, Times: 1})...)
	},
	"delayed visibility": func(s *graphtest.Server, _ int, lag time.Duration) {
		s.SetQuirks(graphtest.Quirks{GetLag: lag, ListLag: 2 * lag})
	},
	"504 applied, delayed visibility": func(s *graphtest.Server, nth int, lag time.Duration) {
		s.SetQuirks(graphtest.Quirks{GetLag: lag, ListLag: 2 * lag})
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Applied: true, Skip: nth, Times: 1})...)
	},
}

// write applies a fault to requests that change something.
func write(f graphtest.Fault) []graphtest.Fault {
	var all []graphtest.Fault
	for _, method := range []string{"POST", "PATCH", "PUT"} {
		f.Method, f.Prefix = method, "/deviceManagement"
		all = append(all, f)
	}
	return all
}

// A process that is killed before or after anything that it writes down or sends,
// with any answer to its requests besides, leaves a restore that the next one
// completes: every object once, none with a broader target.
func TestCrashMatrix(t *testing.T) {
	want := 500
	if os.Getenv("TENANTATLAS_LONG") != "" {
		want = 10000
	}
	losses := map[string]graphtest.Document{"wiped": wiped(), "changed": changed()}
	ready := make(map[string]*planned)
	for loss, left := range losses {
		synctest.Test(t, func(t *testing.T) { ready[loss] = planSmall(newWorld(t, small()), left) })
	}
	cases := 0
	for nth := 0; cases < want && !t.Failed(); nth++ {
		for _, fault := range slices.Sorted(maps.Keys(faults)) {
			for loss, plan := range ready {
				for point, reached := 1, true; reached; point++ {
					for _, late := range []bool{false, true} {
						synctest.Test(t, func(t *testing.T) {
							reached = crash(t, plan, crashCase{loss, fault, nth + point%5, point, late})
						})
						cases++
					}
				}
			}
		}
	}
	t.Logf("%d cases", cases)
}

// A planned restore was previewed and waits for its execution: what every case
// begins with.
type planned struct {
	stores stores // of which an execution only reads the backups
	vault  *backup.Vault
	left   graphtest.Document // of the tenant
	r      *restore.Restore
	items  []restore.Item
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
	loss  string // what is to be restored
	fault string
	nth   int // write that the fault hits, from 0
	point int // thing that the process is killed at, from 1
	late  bool
}

// crash restores the small tenant in a process that is killed, and then in
// another one. It reports whether the first one was killed at all.
func crash(t *testing.T, ready *planned, c crashCase) bool {
	t.Helper()
	at := fmt.Sprintf("%+v", c)
	s := memory(t)
	s.backups = ready.stores.backups
	w := openWorld(t, ready.left, s, ready.vault)
	r := ready.put(w, ready.r.ID)
	faults[c.fault](w.server, c.nth, 20*time.Second)

	k := &killer{Store: w.cfg.Store, left: c.point, late: c.late}
	w.mortal(k)
	w.execute(contoso, r.ID)
	k.mu.Lock()
	reached := k.left == 0
	k.left = -1
	k.mu.Unlock()
	w.truthful(at, r.ID, ready.left)
	if c.nth%2 == 1 { // the next process comes when the window is long over
		time.Sleep(time.Hour)
	}
	var last *runs.Run
	for range 60 { // whoever has to wait is executed again, after two windows if a fault hits the second try
		last = w.execute(contoso, r.ID)
		if w.finished(r.ID) {
			break
		}
		time.Sleep(time.Minute) // synctest: until the service shows what it has
	}
	w.right(at, r.ID)
	if n := int64(len(w.items(contoso, r.ID))); last.Outcome != runs.OutcomeSucceeded || last.Counts.Succeeded != n || last.Counts.Total != n {
		t.Errorf("%s: the last run ended as %s, %d of %d, want all %d succeeded", at, last.Outcome, last.Counts.Succeeded, last.Counts.Total, n)
	}
	return reached
}

// right checks that everything of the small tenant is there once and as it was,
// and that the journal says so.
func (w *world) right(at, id string) {
	w.t.Helper()
	w.once(at)
	for ref, i := range w.items(contoso, id) {
		if i.Decision.Writes() && i.Result != restore.Verified {
			w.t.Errorf("%s: %v is %s (%s, %s), want verified", at, ref, i.Result, i.Step, i.Message)
		}
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

// mortal has executions done by a process that k kills.
func (w *world) mortal(k *killer) {
	cfg := w.cfg
	cfg.Store = k
	target := cfg.Target
	cfg.Target = func(ctx context.Context, tenant string) (restore.Target, error) {
		is, err := target(ctx, tenant)
		return mortal{is, k}, err
	}
	w.tracker = w.newTracker(cfg)
}

// truthful checks that the journal knows of everything that was sent: nothing is
// there that was not left and that no intent was stored for, and everything is
// there of which it says so.
func (w *world) truthful(at, id string, left graphtest.Document) {
	w.t.Helper()
	tenant := w.server.Tenant(contoso)
	begun := make(map[string]int) // items by kind
	for ref, i := range w.items(contoso, id) {
		if i.Step != restore.Planned && i.Decision == restore.Create {
			begun[ref.Kind]++
		}
		typ, _ := contract.Lookup(ref.Kind)
		if i.Step != restore.Planned && i.Step != restore.Intent && !slices.Contains(tenant.IDs(typ.Lists[0].Path[1:]), i.Object) {
			w.t.Errorf("%s: the journal says that %v is %s as %s, which is not there", at, ref, i.Step, i.Object)
		}
	}
	for path := range small() {
		for _, id := range tenant.IDs(path) {
			doc, err := tenant.Get(path, id)
			if err != nil {
				w.t.Fatal(err)
			}
			w.narrow(at, path, doc)
		}
		typ := contract.Classify("/"+path, "")
		if n := len(tenant.IDs(path)); typ != nil && n > len(left[path])+begun[typ.Key] {
			w.t.Errorf("%s: %s has %d objects, and the journal knows of %d", at, path, n, len(left[path])+begun[typ.Key])
		}
	}
}

// once checks that the tenant has every object of the small one once and as it was
// there, and that nobody gets more than before.
func (w *world) once(at string) {
	w.t.Helper()
	tenant := w.server.Tenant(contoso)
	for path, want := range small() {
		ids := tenant.IDs(path)
		if len(ids) != len(want) {
			w.t.Errorf("%s: %s has %d objects, want %d", at, path, len(ids), len(want))
		}
		for _, id := range ids {
			doc, err := tenant.Get(path, id)
			if err != nil {
				w.t.Fatal(err)
			}
			if strings.Contains(string(doc), "changed") {
				w.t.Errorf("%s: an object of %s is not as it was: %s", at, path, doc)
			}
			w.narrow(at, path, doc)
		}
	}
}

// narrow checks that an object is assigned to the one group, with its filter, or
// to nobody.
func (w *world) narrow(at, path string, doc []byte) {
	w.t.Helper()
	var assignments []struct {
		Target struct {
			Type   string `json:"@odata.type"`
			Group  string `json:"groupId"`
			Filter string `json:"deviceAndAppManagementAssignmentFilterId"`
		} `json:"target"`
	}
	if raw := contract.Member(doc, "assignments"); raw != nil {
		if err := json.Unmarshal(raw, &assignments); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, a := range assignments {
		filtered := a.Target.Filter != "" || path != "deviceManagement/configurationPolicies"
		if a.Target.Group != "11111111-1111-1111-1111-111111111111" || !filtered {
			w.t.Errorf("%s: an object of %s is assigned to %+v", at, path, a.Target)
		}
	}
}
