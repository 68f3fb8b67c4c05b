package restore_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// realTenant returns the exported tenant that tests are given, or nil if there
// is none.
func realTenant(t *testing.T) graphtest.Document {
	t.Helper()
	f, err := os.Open(filepath.Join(dataDir(), "tenant", "tenant.json.gz"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Log("no exported tenant: ", err)
		return nil
	}
	defer f.Close()
	doc, err := graphtest.ReadDocument(f)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func dataDir() string {
	if dir := os.Getenv("TENANTATLAS_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared", "data")
}

// What was backed up can be restored into the tenant that has lost it, and into
// another one in which groups, filters and scope tags have other ids; and a
// second execution changes nothing.
func TestTenants(t *testing.T) {
	doc := realTenant(t)
	if doc != nil {
		t.Run("demo", func(t *testing.T) { restoreTenants(t, graphtest.DemoTenant(1, 1), memory) })
	} else {
		doc = graphtest.DemoTenant(1, 1)
	}
	eachStore(t, func(t *testing.T, open func(t *testing.T) stores) {
		if !strings.HasSuffix(t.Name(), "/memory") && os.Getenv("TENANTATLAS_LONG") == "" {
			doc = sampled(doc)
		}
		restoreTenants(t, doc, open)
	})
}

// sampled returns a tenant that has a few objects of each list, and everything
// that can be referred to.
func sampled(doc graphtest.Document) graphtest.Document {
	some := make(graphtest.Document)
	for path, all := range doc {
		apart := max(1, len(all)/6)
		for i, o := range all {
			if i%apart == 0 || path == groups || path == filters || bytes.Contains(o, []byte(`FilterType":"include"`)) {
				some[path] = append(some[path], o)
			}
		}
	}
	return some
}

func restoreTenants(t *testing.T, doc graphtest.Document, open func(t *testing.T) stores) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldIn(t, doc, open(t))
		w.useSchema(doc)
		w.prepareFabrikam()
		w.sync(contoso)
		w.sync(fabrikam)
		set := w.backup()
		w.certified(set.ID)
		before := w.captured(contoso, set.ID)
		w.wipe()

		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		w.same(before, r)
		w.settled(contoso, set.ID, nil)

		imported := w.imported(set.ID)
		scope := w.others(before)
		r = w.plan(fabrikam, imported.ID, scope...)
		w.mappedElsewhere(r)
		w.preview(fabrikam, r.ID)
		w.execute(fabrikam, r.ID)
		w.same(before, r)
		w.settled(fabrikam, imported.ID, scope)
	})
}

// prepareFabrikam gives fabrikam what contoso has and no restore brings, under
// other ids, and the filters and scope tags too.
func (w *world) prepareFabrikam() {
	w.t.Helper()
	other := w.server.Tenant(fabrikam)
	w.copyTo(other, groups, func(id string) string { return strings.Repeat("f", 8) + id[8:] })
	w.copyTo(other, filters, func(id string) string { return strings.Repeat("e", 8) + id[8:] })
	w.copyTo(other, "deviceManagement/roleScopeTags", func(id string) string { return "7" + id })
	w.copyTo(other, "deviceManagement/groupPolicyDefinitions", func(id string) string { return id })
}

// elsewhere are the kinds that fabrikam has already.
var elsewhere = []string{"assignmentFilter", "roleScopeTag"}

// sync fills the stores that mappings come from, if there are any.
func (w *world) sync(tenant string) {
	w.t.Helper()
	if w.stores.inventory == nil {
		return
	}
	for typ, params := range map[runs.Type]any{
		directory.SyncType: nil,
		inventory.SyncType: inventory.Selection{PolicyTypes: elsewhere},
	} {
		if r := w.run(tenant, typ, params); r.Outcome != runs.OutcomeSucceeded {
			w.t.Fatalf("%s of %s %s: %+v %+v", typ, tenant, r.Outcome, r.Failure, r.Failures)
		}
	}
}

// certified checks that the certificate of a set says that it is complete, and
// that a verification finds nothing.
func (w *world) certified(set string) {
	w.t.Helper()
	sealing, err := w.backups.Store.GetSealing(w.t.Context(), contoso, set)
	if err != nil {
		w.t.Fatal(err)
	}
	var c backup.Certificate
	if err := json.Unmarshal(sealing.Certificate, &c); err != nil || c.Status != backup.Complete {
		w.t.Errorf("the certificate says %s because of %v, %v; want complete", c.Status, c.Reasons, err)
	}
	if r := w.run(contoso, backup.VerifyType, backup.VerifyInput{Set: set}); r.Outcome != runs.OutcomeSucceeded {
		w.t.Errorf("the verification %s: %+v %+v", r.Outcome, r.Failure, r.Failures)
	}
}

// captured returns what is in a set and can be restored.
func (w *world) captured(tenant, set string) map[inventory.Ref]*backup.Payload {
	w.t.Helper()
	m, err := backup.Check(w.t.Context(), w.backups.Store, w.backups.Vault, tenant, set)
	if err != nil {
		w.t.Fatal(err)
	}
	all := make(map[inventory.Ref]*backup.Payload)
	for _, item := range m.Items {
		p, err := backup.Open(w.t.Context(), w.backups.Store, w.backups.Vault, tenant, item)
		if err != nil {
			w.t.Fatal(err)
		}
		typ, ok := contract.Lookup(item.Kind)
		if !ok {
			continue
		}
		if support, _ := typ.Support(p.OData); support == contract.Restorable {
			all[item.Ref()] = p
		}
	}
	return all
}

// others returns what fabrikam does not have already; a fourth of it, and all that
// needs a filter, unless the long version is wanted.
func (w *world) others(before map[inventory.Ref]*backup.Payload) (refs []inventory.Ref) {
	all := slices.SortedFunc(maps.Keys(before), func(a, b inventory.Ref) int { return strings.Compare(a.Kind+" "+a.ID, b.Kind+" "+b.ID) })
	for i, ref := range all {
		filtered := slices.ContainsFunc(before[ref].References, func(to backup.Reference) bool { return slices.Contains(elsewhere, to.Kind) && to.ID != "0" })
		if !slices.Contains(elsewhere, ref.Kind) && (i%4 == 0 || filtered || os.Getenv("TENANTATLAS_LONG") != "") {
			refs = append(refs, ref)
		}
	}
	return refs
}

// mappedElsewhere checks that a restore into fabrikam is to refer to groups,
// filters and tags by other ids.
func (w *world) mappedElsewhere(r *restore.Restore) {
	w.t.Helper()
	mapped := make(map[string]int)
	for _, m := range r.Mapping {
		if m.To == "" || m.Kind != contract.TargetGroup && !slices.Contains(elsewhere, m.Kind) {
			continue
		}
		if mapped[m.Kind]++; m.To == m.ID {
			w.t.Errorf("%s %s is mapped to itself in another tenant", m.Kind, m.ID)
		}
	}
	if mapped[contract.TargetGroup] == 0 || mapped["assignmentFilter"] == 0 {
		w.t.Errorf("%v were mapped, want groups and filters", mapped)
	}
}

// same checks that a tenant has once what a restore was to restore, and that it is
// what was there before, in terms of this tenant. What is left out has a reason
// that can be seen in the tenant that it is from.
func (w *world) same(before map[inventory.Ref]*backup.Payload, r *restore.Restore) {
	w.t.Helper()
	r = w.get(r.Tenant, r.ID)
	items := w.items(r.Tenant, r.ID)
	terms := w.terms(r, items)
	now := w.captured(r.Tenant, w.backupOf(r.Tenant).ID)
	left := 0
	for ref, was := range before {
		i := items[ref]
		switch {
		case !r.Scope.Has(ref), i.Reason == restore.ReasonProvided:
			continue
		case i.Decision.Writes() && i.Result == restore.Verified, i.Result == restore.Same:
		case slices.Contains([]runs.Reason{restore.ReasonSkipped, restore.ReasonPending, restore.ReasonUnmapped, restore.ReasonSecret}, i.Reason):
			left++
			continue
		default:
			w.t.Errorf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			continue
		}
		at := inventory.Ref{Kind: ref.Kind, ID: i.Object}
		is := now[at]
		if is == nil {
			w.t.Errorf("%v %q is to be %s, which is not there, or another item too", ref, i.Name, i.Object)
			continue
		}
		delete(now, at)
		if i.ReportOnly {
			was = watched(w.t, was)
		}
		want, got := formOf(w.t, was, terms, i.AssignmentsReason != ""), formOf(w.t, is, nil, false)
		if i.ReportOnly { // lest it locks everybody out
			want.Content = strings.Replace(want.Content, `"state":"enabled"`, `"state":"enabledForReportingButNotEnforced"`, 1)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Errorf("%v %q is not what it was (-want +got):\n%s", ref, i.Name, diff)
		}
	}
	for ref, p := range now {
		if r.Scope.Items == nil || !slices.Contains(elsewhere, ref.Kind) && !p.Provided {
			w.t.Errorf("%s has a %v %q, which was in no backup", r.Tenant, ref, p.Name)
		}
	}
	if left > len(before)/5 {
		w.t.Errorf("%d objects of %d could not be restored", left, len(before))
	}
}

// terms returns what stands in the tenant of a restore for what its items refer
// to; an empty id for what was given up because contoso does not have it either.
func (w *world) terms(r *restore.Restore, items map[inventory.Ref]restore.Item) map[inventory.Ref]string {
	w.t.Helper()
	terms := make(map[inventory.Ref]string)
	for _, m := range r.Mapping {
		ref := inventory.Ref{Kind: m.Kind, ID: m.ID}
		switch {
		case m.Skip:
			terms[ref] = ""
			if r.Tenant == contoso && m.Kind == contract.TargetGroup && slices.Contains(w.server.Tenant(contoso).IDs(groups), m.ID) {
				w.t.Errorf("the group %s is given up, and is there", m.ID)
			}
		case m.State == restore.InSet:
			terms[ref] = items[ref].Object
		case m.State != restore.Everywhere:
			terms[ref] = m.To
		}
	}
	return terms
}

// A form is what two equal objects have in common.
type form struct {
	Content, Assignments string
}

// watched returns a Conditional Access policy as it is restored if it could lock
// people out.
func watched(t *testing.T, p *backup.Payload) *backup.Payload {
	t.Helper()
	if state := contract.Text(contract.Member(p.Content, "state")); p.Kind != "conditionalAccessPolicy" || state != "enabled" {
		t.Errorf("%v, which is %q, is said to be restored report-only", p.Ref, state)
	}
	is := *p
	var err error
	if is.Content, err = contract.WithMember(nil, p.Content, "state", []byte(`"enabledForReportingButNotEnforced"`)); err != nil {
		t.Fatal(err)
	}
	return &is
}

// formOf returns the normal form of an object in terms of another tenant. One that
// cannot be assigned there has no assignments.
func formOf(t *testing.T, p *backup.Payload, terms map[inventory.Ref]string, unassigned bool) form {
	t.Helper()
	typ, _ := contract.Lookup(p.Kind)
	entries := p.Assignments
	refs, _ := typ.References(p.Content, entries)
	var inContent, inAssignments []contract.Replacement
	leave := make(map[string]bool) // entries, by their index
	for _, ref := range refs {
		to, ok := terms[inventory.Ref{Kind: ref.Target, ID: ref.ID}]
		switch {
		case !ok || to == ref.ID:
		case ref.Assignment && to == "":
			index, _, _ := strings.Cut(ref.Pointer[1:], "/")
			leave[index] = true
		case ref.Assignment:
			inAssignments = append(inAssignments, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID, New: to})
		default:
			inContent = append(inContent, contract.Replacement{Pointer: ref.Pointer, Old: ref.ID, New: to})
		}
	}
	content, err := contract.Rewrite(nil, p.Content, inContent)
	if err == nil {
		content, err = typ.Writable(content)
	}
	if err == nil {
		content, err = typ.Normalize(nil, content)
	}
	if err != nil {
		t.Fatal(err)
	}
	if entries == nil || unassigned {
		return form{string(content), "[]"}
	}
	var all []json.RawMessage
	kept := []json.RawMessage{}
	if entries, err = contract.Rewrite(nil, entries, inAssignments); err == nil {
		err = json.Unmarshal(entries, &all)
	}
	for i, entry := range all {
		if !leave[strconv.Itoa(i)] {
			kept = append(kept, entry)
		}
	}
	if err == nil {
		entries, err = json.Marshal(kept)
	}
	if err == nil {
		entries, err = contract.AssignmentBody(nil, entries) // not those of policy sets
	}
	if err == nil {
		entries, err = contract.NormalizeAssignments(nil, entries)
	}
	if err != nil {
		t.Fatal(err)
	}
	return form{string(content), string(entries)}
}

// settled checks that a second restore of the same finds nothing to write, and
// writes nothing.
func (w *world) settled(tenant, set string, scope []inventory.Ref) {
	w.t.Helper()
	again := w.plan(tenant, set, scope...)
	w.preview(tenant, again.ID)
	for ref, i := range w.items(tenant, again.ID) {
		if i.Decision.Writes() {
			w.t.Errorf("a second preview says %v %q: %s %+v, want unchanged", ref, i.Name, i.Decision, i.Changes)
		}
	}
	before := w.server.Writes()
	w.execute(tenant, again.ID)
	if n := w.server.Writes() - before; n > 0 {
		w.t.Errorf("a second execution has sent %d writes to %s, want none", n, tenant)
	}
}

// useSchema has the bodies of requests compared with Graph's own metadata, if it
// is there: they hold nothing that it does not have, but for what the objects
// hold already. Once is enough: stores change no request.
func (w *world) useSchema(doc graphtest.Document) {
	w.t.Helper()
	f, err := os.Open(filepath.Join(dataDir(), "schema", "beta.json.gz"))
	if _, kept := w.stores.runs.(*memruns.Store); err != nil || !kept || w.stores.inventory == nil {
		return
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.server.UseSchema(z); err != nil {
		w.t.Fatal(err)
	}
	known := make(map[string]bool)
	for path, objects := range doc {
		for _, o := range objects {
			typ := contract.Classify("/"+path, odata(o))
			if typ == nil || len(typ.OData) == 0 {
				continue
			}
			for _, v := range w.server.Validate(typ.OData[0], o) {
				known[v] = true
			}
		}
	}
	w.t.Cleanup(func() {
		for _, v := range w.server.Violations() {
			if !known[v] {
				w.t.Errorf("a request holds what the metadata does not allow: %s", v)
			}
		}
	})
}

// Authentication strengths of the service are the same in every tenant, and in no
// backup.
func TestBuiltInStrength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const path, own = "identity/conditionalAccess/policies", "9e9ae4b2-0f3c-4c8e-8d5c-111111111111"
		policy := func(id, strength string) json.RawMessage {
			return json.RawMessage(`{"id":"` + id + `","displayName":"` + id + `","state":"disabled","grantControls":{"operator":"OR","builtInControls":[],"authenticationStrength":{"id":"` + strength + `"}}}`)
		}
		w := newWorld(t, graphtest.Document{path: {policy("c1", "00000000-0000-0000-0000-000000000004"), policy("c2", own)}})
		r, err := w.planner.New(t.Context(), contoso, w.backup("conditionalAccessPolicy").ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]restore.MappingState)
		for _, m := range r.Mapping {
			got[m.ID] = m.State
		}
		want := map[string]restore.MappingState{"00000000-0000-0000-0000-000000000004": restore.Everywhere, own: restore.Unmapped}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mapping (-want +got):\n%s", diff)
		}
	})
}

// copyTo adds what contoso has in a list to another tenant, under other ids.
func (w *world) copyTo(other *graphtest.Tenant, path string, rename func(id string) string) {
	w.t.Helper()
	for _, id := range w.server.Tenant(contoso).IDs(path) {
		doc, err := w.server.Tenant(contoso).Get(path, id)
		if err == nil {
			doc, err = contract.WithMember(nil, doc, "id", []byte(`"`+rename(id)+`"`))
		}
		if err == nil {
			_, err = other.Add(path, doc)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
