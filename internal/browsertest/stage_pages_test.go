package browsertest_test

import (
	"database/sql"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	_ "modernc.org/sqlite" // the driver of the host's database
)

// hostPages sees the pages of the host: as they are, and while something is under
// way.
func hostPages(t *testing.T, w *world) {
	s := newStage(t, w)
	b := w.visit(t, s.host.base)
	be := func(user string) {
		if user == "" {
			user = "dana"
		}
		b.as(user)
	}
	be("")
	w.look(b, s.places(), be)
	s.busy(func(all []place) { w.look(b, all, be) })
}

// places are the pages as they are when nothing is under way.
func (s *stage) places() []place {
	set, foreign := "/t/acme/backups/"+s.set, "/t/other/restores/"+s.foreign
	previewed, executed := "/t/acme/restores/"+s.previewed, "/t/acme/restores/"+s.executed
	all := []place{
		{name: "inventory", path: "/t/acme/inventory"},
		{name: "inventory, missing", path: "/t/acme/inventory?missing=1"},
		{name: "inventory, nothing found", path: "/t/acme/inventory?q=nosuchname"},
		{name: "inventory, nothing", path: "/t/bare/inventory"},
		{name: "coverage", path: "/t/acme/inventory/coverage"},
		{name: "coverage, nothing", path: "/t/bare/inventory/coverage"},
		{name: "an item that is missing", path: s.item},
		{name: "no such item", path: "/t/acme/inventory/items/assignmentFilter/none", status: 404},
		{name: "groups", path: "/t/acme/groups"},
		{name: "groups, nothing", path: "/t/bare/groups"},
		{name: "access, no sign-in", path: "/t/acme/access"},
		{name: "backups", path: "/t/acme/backups"},
		{name: "backups, nothing", path: "/t/bare/backups"},
		{name: "a set", path: set},
		{name: "a set, nothing found", path: set + "?q=nosuchname"},
		{name: "a set, empty", path: "/t/acme/backups/" + s.empty},
		{name: "a set, imported", path: "/t/other/backups/" + s.copied},
		{name: "no such set", path: "/t/acme/backups/none", status: 404},
		{name: "certificate", path: set + "/certificate"},
		{name: "add policies", path: "/t/acme/backups/" + s.empty + "/add"},
		{name: "add policies, nothing", path: "/t/other/backups/" + s.copied + "/add"},
		{name: "a version", path: "/t/acme/versions/" + s.version},
		{name: "two versions", path: "/t/acme/versions/" + s.version + "?with=" + s.before},
		{name: "restores", path: "/t/acme/restores"},
		{name: "restores, nothing", path: "/t/bare/restores"},
		{name: "restore, select", path: "/t/acme/restores/new?set=" + s.set},
		{name: "restore, select, nothing", path: "/t/bare/restores/new"},
		{name: "restore, scope", path: previewed + "/scope"},
		{name: "restore, scope, nothing found", path: previewed + "/scope?q=nosuchname"},
		{name: "restore, scope, executed", path: executed + "/scope"},
		{name: "restore, mapping", path: foreign + "/mapping"},
		{name: "restore, mapping, answered", path: previewed + "/mapping?show=open"},
		{name: "restore, preview", path: previewed + "/preview"},
		{name: "restore, preview, blocked", path: foreign + "/preview"},
		{name: "restore, execute", path: previewed + "/execute"},
		{name: "restore, executed", path: executed + "/execute"},
		{name: "run, items", path: path("acme", "runs/", s.execution, "#items")},
		{name: "a plan of an earlier revision", path: previewed + "/scope", post: "revision=1&what=everything", status: 409},
		{name: "not confirmed", path: previewed + "/execute", post: "for=real&acknowledge=1&confirm=wrong", status: 400},
	}
	for _, path := range []string{"groups", "backups", "restores/new"} {
		all = append(all, place{name: path + ", readonly", path: "/t/acme/" + path, user: "rosa"})
	}
	for _, step := range []string{"mapping", "execute"} {
		all = append(all, place{name: "restore, " + step + ", readonly", path: previewed + "/" + step, user: "rosa"})
	}
	return append(all,
		place{name: "a set, readonly", path: set, user: "rosa"},
		place{name: "not allowed", path: "/t/acme/inventory/sync", post: "x=1", status: 403, user: "rosa"},
	)
}

// busy has see look at the pages of what is under way.
func (s *stage) busy(see func(all []place)) {
	s.Helper()
	s.graph.hold()
	defer s.graph.release()
	draft := s.plan("acme", s.set, true)
	for typ, params := range map[string]string{
		"inventory.sync":          `{}`,
		"directory.groups.sync":   `{}`,
		"backup_set.add_policies": `{"backup_set":"` + s.empty + `","all":true}`,
		"restore.preview":         `{"restore":"` + draft + `"}`,
	} {
		s.begin("acme", typ, params)
	}
	const under = `document.querySelector('.note[role=status], .plainlist .badge.running, .status .badge.running')`
	executes := s.begin("acme", "restore.execute", `{"restore":"`+s.previewed+`","dry_run":false,"acknowledge":true,"confirm":"acme"}`)
	const executing = `document.querySelector('.status .badge:is(.running, .queued)') && document.querySelector('.ops-widget:not([hidden])')`
	see([]place{
		{name: "inventory, busy", path: "/t/acme/inventory", ready: under},
		{name: "groups, busy", path: "/t/acme/groups", ready: under},
		{name: "a set, busy", path: "/t/acme/backups/" + s.empty, ready: under},
		{name: "restore, preview, busy", path: "/t/acme/restores/" + draft + "/preview", ready: under},
		{name: "restore, execute, busy", path: "/t/acme/restores/" + draft + "/execute", ready: under},
		{name: "restore, executing", path: "/t/acme/restores/" + s.previewed + "/execute", ready: executing},
		{name: "run, executing", path: path("acme", "runs/", executes), ready: `document.querySelector('.title .badge:is(.running, .queued)')`},
		{name: "overview, busy", path: path("acme")},
		{name: "runs, busy", path: path("acme", "runs?status=running,queued")},
	})
}

// errorPages sees pages when the database has lost what it had.
func errorPages(t *testing.T, w *world) {
	g := startGraph(t)
	file := t.TempDir() + "/host.db"
	h := startTenant(t, w.binary, g, "-db", "file:"+file)
	name, _ := bunkit.SQLiteDSN(file)
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		for _, table := range []string{"operation_runs", "backup_sets"} {
			if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+table+from+" RENAME TO "+table+to); err != nil {
				t.Fatal(err)
			}
		}
	}
	rename("", "_gone")
	defer rename("_gone", "") // so that the host ends well
	b := w.visit(t, h.base)
	b.expect("a status of 500") // what the page asks, too
	b.as("dana")
	w.look(b, []place{
		{name: "runs, no database", path: path("acme", "runs"), status: 500},
		{name: "backups, no database", path: "/t/acme/backups", status: 500},
	}, func(string) {})
}
