package bunruns

import (
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// The statements whose text is the same at every call.
type statements struct {
	get      string // tenant, id → whole
	look     string // tenant, type, once, key, status → whole, of the run to join
	insert   string // see newInsert
	taken    string // id, tenant, lane, status → whether the ID is taken, whether the lane is busy
	update   string // see newUpdate
	revision string // tenant, id, see [Store.bindNow] → revision, whether it has a lane, whether it waits for its time
	putItems string // see newPutItems

	deleteItems, deleteRuns string // see newDelete

	lookMany   string // see newLookMany
	insertMany string // see newInsertMany
	updateMany string // see newUpdateMany
	attempt    string // tenant, id → status, attempt
}

func newStatements(d bunkit.Dialect) statements {
	b := &binder{dialect: d}
	one := func(columns []column) string {
		b.n = 0
		return "SELECT " + list("", columns) + " FROM operation_runs WHERE tenant = " + b.next(text) + " AND id = " + b.next(text)
	}
	s := statements{
		get:      one(whole()),
		attempt:  one([]column{{"status", text}, {"attempt", number}}),
		insert:   newInsert(d),
		update:   newUpdate(d),
		putItems: newPutItems(d),
	}
	s.deleteItems, s.deleteRuns = newDelete(d)
	if d == bunkit.PostgreSQL {
		s.lookMany, s.insertMany, s.updateMany = newLookMany(), newInsertMany(), newUpdateMany()
	}
	b.n = 0
	waits := "NOT " + come("operation_runs", "'running'", "''", b.now(3))
	s.revision = "SELECT revision, lane <> '', " + waits + " FROM operation_runs WHERE tenant = " + b.next(text) + " AND id = " + b.next(text)
	b.n = 0
	s.look = "SELECT " + list("", whole()) + " FROM (" +
		same(whole(), b.next(text), b.next(text), b.next(text), b.next(text), b.next(text)) + ") AS found"
	b.n = 0
	s.taken = "SELECT EXISTS (SELECT 1 FROM operation_runs WHERE id = " + b.next(text) + "), " +
		"EXISTS (SELECT 1 FROM operation_runs WHERE tenant = " + b.next(text) + " AND lane = " + b.next(text) +
		" AND lane <> '' AND status = 'running' AND " + b.next(text) + " = 'running')"
	return s
}

// same selects columns of the run that a run with these values joins. The
// conditions of the partial indexes are repeated as literals, or they would not
// be used.
func same(want []column, tenant, typ, once, key, status string) string {
	columns := list("", want)
	return "SELECT 1 AS pick, " + columns + " FROM operation_runs" +
		" WHERE tenant = " + tenant + " AND type = " + typ + " AND once = " + once + " AND once <> ''" +
		" UNION ALL SELECT 2, " + columns + " FROM operation_runs" +
		" WHERE tenant = " + tenant + " AND key = " + key + " AND key <> '' AND status <> 'completed'" +
		" AND " + status + " <> 'completed'" +
		" ORDER BY pick LIMIT 1"
}

// newInsert returns the statement that adds a run whose name, fixed, params,
// state, detail and stamped it is given.
//
// With PostgreSQL it looks first, and gives either the run to join, after
// false, or after true a row of which only stamped means something. It gives
// nothing if another run came between the look and the insert, or has the ID or
// the lane; then, and for a join, it has written nothing. With SQLite it is the
// insert alone.
func newInsert(d bunkit.Dialect) string {
	b := &binder{dialect: d}
	columns := slices.Concat(name, fixed, params, revision, state, detail, stamped)
	values := slices.Concat(b.all(name), b.all(fixed), b.all(params), []string{"1"}, b.all(state), b.all(detail), b.stamps())
	insert := "INSERT INTO operation_runs (" + list("", columns) + ") "
	if d == bunkit.SQLite3 {
		return insert + "VALUES (" + strings.Join(values, ", ") + ") ON CONFLICT DO NOTHING"
	}
	value := func(want string) string {
		i := slices.IndexFunc(columns, func(c column) bool { return c.name == want })
		return values[i]
	}
	return "WITH found AS MATERIALIZED (" +
		same(whole(), value("tenant"), value("type"), value("once"), value("key"), value("status")) +
		"), added AS (" + insert + "SELECT " + strings.Join(values, ", ") +
		" WHERE NOT EXISTS (SELECT 1 FROM found) ON CONFLICT DO NOTHING RETURNING " + list("", stamped) +
		") SELECT false, " + list("", whole()) + " FROM found UNION ALL SELECT true, " + blank(whole()) + " FROM added"
}

// blank returns a select list for columns in which only stamped are what they
// are.
func blank(columns []column) string {
	var values []string
	for _, c := range columns {
		if slices.Contains(stamped, c) {
			values = append(values, c.name)
		} else {
			values = append(values, c.kind.blank())
		}
	}
	return strings.Join(values, ", ")
}

// newUpdate returns the compare-and-swap. It is given name and revision, and
// then state, detail and stamped to set, and [Store.bindNow]; and gives stamped and fixed of the row
// it has changed.
func newUpdate(d bunkit.Dialect) string {
	b := &binder{dialect: d}
	tenant, id, rev := b.next(text), b.next(text), b.next(number)
	columns := slices.Concat(state, detail, stamped)
	values := slices.Concat(b.all(state), b.all(detail), b.stamps())
	set := []string{"revision = revision + 1"}
	for i, c := range columns {
		set = append(set, c.name+" = "+values[i])
	}
	status := values[0] // as state begins
	return "UPDATE operation_runs SET " + strings.Join(set, ", ") +
		" WHERE tenant = " + tenant + " AND id = " + id + " AND revision = " + rev +
		" AND " + freeLane("operation_runs", tenant, status) +
		" AND " + come("operation_runs", status, values[1], b.now(b.n+1)) +
		" RETURNING " + list("", stamped) + ", " + list("", fixed)
}

// come is the condition that a run may have the status and the outcome as far as
// its NotBefore goes.
func come(run, status, outcome, now string) string {
	return "(" + run + ".status <> 'queued' OR " + run + ".not_before IS NULL OR " + run + ".not_before <= " + now +
		" OR " + status + " = 'queued' OR " + outcome + " = 'canceled')"
}

// freeLane is the condition that a run may have the status, as far as its lane
// goes. The unique index alone would do, but with PostgreSQL at the price of a
// failed transaction and a line in the server's log for each attempt at a lane.
func freeLane(run, tenant, status string) string {
	return "(" + run + ".lane = '' OR " + status + " <> 'running' OR NOT EXISTS (SELECT 1 FROM operation_runs AS other" +
		" WHERE other.tenant = " + tenant + " AND other.lane = " + run + ".lane AND other.lane <> ''" +
		" AND other.status = 'running' AND other.id <> " + run + ".id))"
}
