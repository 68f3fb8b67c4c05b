package browsertest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// otherID is the tenant into which a backup of the first one is restored.
const otherID = "c0475050-0000-4000-8000-000000000008"

// A stage is a host on which everything has happened that the pages of a host
// show: in acme, where something was changed since it was backed up; in other,
// where that backup was imported; and nothing at all in bare.
type stage struct {
	*testing.T
	host  *host
	graph *graph

	set, empty, copied           string // backup sets: of acme, of acme without anything, of other
	version, before              string // of the same object
	previewed, executed, foreign string // restores: two of acme, one of other whose mapping is open
	item                         string // the path of one that has gone
	execution                    string // the run of executed
}

// A planned is a restore as the API shows it.
type planned struct {
	ID       string
	Revision int64
	Mapping  []struct{ Kind, ID, State, To string }
}

func newStage(t *testing.T, w *world) *stage {
	t.Helper()
	g := startGraph(t)
	g.release()
	other, err := g.AddTenant(otherID)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.LoadDocument(graphtest.DemoTenant(8, 1)); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, graph: g}
	s.host = startTenant(t, w.binary, g, "-db", "memory", "-actions", "-tenant", "other="+otherID, "-tenant", "bare="+entraID)
	s.prepare()
	return s
}

// kinds are what is backed up: something of each sort.
const kinds = `["assignmentFilter","deviceConfiguration","deviceCompliancePolicy","deviceHealthScript","configurationPolicy","conditionalAccessPolicy"]`

// prepare makes things happen.
func (s *stage) prepare() {
	s.Helper()
	done := s.begin("acme", "inventory.sync", `{"policy_types":`+kinds+`}`)
	s.run("acme", "directory.groups.sync", `{}`)
	s.run("other", "directory.groups.sync", `{}`)
	s.await("acme", done)
	s.set = s.backUp("Before the migration", "What was there before the new baseline.\nKept until the audit.")
	s.empty = s.create("acme", "backup-sets", `{"name":"Not captured yet"}`)
	s.change()
	done = s.begin("acme", "inventory.sync", `{"policy_types":`+kinds+`}`)
	later := s.backUp("After the migration", "")
	s.run("acme", "backup_set.verify", `{"backup_set":"`+s.set+`","depth":"plan"}`)
	s.before, s.version = s.versionIn(s.set), s.versionIn(later)

	s.previewed = s.plan("acme", s.set, true)
	s.run("acme", "restore.preview", `{"restore":"`+s.previewed+`"}`)
	s.executed = s.plan("acme", s.set, true)
	s.run("acme", "restore.preview", `{"restore":"`+s.executed+`"}`)
	s.execution = s.begin("acme", "restore.execute", `{"restore":"`+s.executed+`","dry_run":false,"acknowledge":true,"confirm":"acme"}`)
	s.await("acme", s.execution)

	archive := s.call("GET", "t/acme/backup-sets/"+s.set+"/export", "", nil)
	var copied struct{ ID string }
	s.call("POST", "t/other/backup-sets/import?name=Copy+of+acme", archive, &copied)
	s.copied = copied.ID
	s.foreign = s.plan("other", s.copied, false)
	s.run("other", "restore.preview", `{"restore":"`+s.foreign+`"}`)
	s.await("acme", done)
}

// change changes the tenant: one object in what it says, another one is gone.
func (s *stage) change() {
	s.Helper()
	at := s.graph.Tenant(entraID)
	for path, change := range map[string]func(path, id string) error{
		"deviceManagement/assignmentFilters": func(path, id string) error {
			return at.Patch(path, id, json.RawMessage(`{"rule":"(device.manufacturer -eq \"Contoso\")","description":"New baseline"}`))
		},
		"deviceManagement/deviceHealthScripts": func(path, id string) error {
			s.item = "/t/acme/inventory/items/deviceHealthScript/" + id
			return at.Delete(path, id)
		},
	} {
		if err := change(path, at.IDs(path)[0]); err != nil {
			s.Fatal(err)
		}
	}
}

// backUp captures objects of acme.
func (s *stage) backUp(name, description string) string {
	s.Helper()
	body, err := json.Marshal(map[string]string{"name": name, "description": description})
	if err != nil {
		s.Fatal(err)
	}
	set := s.create("acme", "backup-sets", string(body))
	s.run("acme", "backup_set.add_policies", `{"backup_set":"`+set+`","all":true,"selection":{"policy_types":`+kinds+`}}`)
	return set
}

// versionIn is the version in a set of the object that was changed.
func (s *stage) versionIn(set string) string {
	s.Helper()
	var list struct {
		Data []struct {
			ID      string `json:"external_id"`
			Version string `json:"version"`
		}
	}
	s.call("GET", "t/acme/backup-sets/"+set+"/items?limit=200&kind=assignmentFilter", "", &list)
	id := s.graph.Tenant(entraID).IDs("deviceManagement/assignmentFilters")[0]
	for _, i := range list.Data {
		if i.ID == id {
			return i.Version
		}
	}
	s.Fatalf("the set %s has no %s", set, id)
	return ""
}

// plan begins a restore, and gives up what has no counterpart if it is to be
// executed.
func (s *stage) plan(tenant, set string, giveUp bool) string {
	s.Helper()
	id := s.create(tenant, "restores", `{"backup_set":"`+set+`"}`)
	if !giveUp {
		return id
	}
	var p planned
	s.call("GET", "t/"+tenant+"/restores/"+id, "", &p)
	type choice struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
		Skip bool   `json:"skip"`
	}
	choices := []choice{}
	for _, m := range p.Mapping {
		if m.State == "unmapped" || m.State == "several" {
			choices = append(choices, choice{m.Kind, m.ID, true})
		}
	}
	body, err := json.Marshal(map[string]any{"revision": p.Revision, "mapping": choices})
	if err != nil {
		s.Fatal(err)
	}
	s.call("PATCH", "t/"+tenant+"/restores/"+id, string(body), nil)
	return id
}

func (s *stage) create(tenant, list, body string) string {
	s.Helper()
	var made struct{ ID string }
	s.call("POST", "t/"+tenant+"/"+list, body, &made)
	return made.ID
}

// begin starts a run and returns its id.
func (s *stage) begin(tenant, typ, params string) string {
	s.Helper()
	var started struct{ Run struct{ ID string } }
	s.call("POST", "t/"+tenant+"/runs", `{"type":"`+typ+`","params":`+params+`}`, &started)
	return started.Run.ID
}

// run starts a run and waits for its end.
func (s *stage) run(tenant, typ, params string) {
	s.Helper()
	s.await(tenant, s.begin(tenant, typ, params))
}

func (s *stage) await(tenant, id string) {
	s.Helper()
	var run struct {
		Status, Outcome, Type string
		Failure               struct{ Message string }
	}
	for run.Status != "completed" {
		s.call("GET", "t/"+tenant+"/runs/"+id, "", &run)
	}
	if run.Outcome == "failed" || run.Outcome == "blocked" {
		s.Fatalf("%s has %s: %s", run.Type, run.Outcome, run.Failure.Message)
	}
}

// call asks the API as dana, decodes the answer into v and returns it. It waits
// for the end of a run for a while.
func (s *stage) call(method, path, body string, v any) string {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.host.base+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set(userHeader, "dana")
	if strings.HasPrefix(body, "PK") {
		r.Header.Set("Content-Type", "application/zip")
	}
	if method == http.MethodGet && strings.Contains(path, "/runs/") {
		r.Header.Set("Prefer", "wait=20")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		s.Fatalf("%s %s %.500q: %d %s", method, path, body, resp.StatusCode, raw)
	}
	if v != nil {
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(v); err != nil {
			s.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return string(raw)
}
