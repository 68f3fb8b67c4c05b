package bunruns

import (
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// A kind is what a column holds.
type kind int

const (
	text     kind = iota
	document      // JSON, or NULL
	number
	flag
	instant // or NULL
)

// cast says the type to PostgreSQL, where it could not tell by itself.
func (k kind) cast() string {
	return [...]string{"::text", "::text", "::bigint", "::boolean", "::timestamptz"}[k]
}

// blank is a value that means nothing.
func (k kind) blank() string {
	return [...]string{"''", "NULL", "0", "false", "NULL"}[k] + k.cast()
}

type column struct {
	name string
	kind kind
}

// The columns of operation_runs in their groups; those of a group are bound and
// scanned in this order. See record.go.
var (
	name = []column{{"tenant", text}, {"id", text}}

	// fixed and params never change.
	fixed = []column{
		{"type", text},
		{"key", text},
		{"once", text},
		{"lane", text},
		{"inline", flag},
		{"initiator_kind", text},
		{"initiator_id", text},
		{"initiator_name", text},
		{"retry_of", text},
		{"created_at", instant},
	}
	params = []column{{"params", document}}

	revision = []column{{"revision", number}}

	state = []column{
		{"status", text},
		{"outcome", text},
		{"target_kind", text},
		{"target_id", text},
		{"target_name", text},
		{"total", number},
		{"succeeded", number},
		{"failed", number},
		{"skipped", number},
		{"extra", document},
		{"reason", text},
		{"message", text},
		{"waiting_reason", text},
		{"waiting_message", text},
		{"attempt", number},
		{"lost", number},
		{"rings", number},
		{"instance", text},
		{"incarnation", text},
		{"announced", flag},
		{"cancel_at", instant},
		{"cancel_kind", text},
		{"cancel_id", text},
		{"cancel_name", text},
		{"cancel_why", text},
		{"started_at", instant},
		{"completed_at", instant},
		{"updated_at", instant},
	}
	detail = []column{{"context", document}, {"failures", document}}

	// stamped are the instants that the store's clock may set.
	stamped = []column{{"lease_until", instant}, {"not_before", instant}, {"next_ring", instant}}
)

// list returns the names of columns, each after the prefix.
func list(prefix string, columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + c.name)
	}
	return b.String()
}

// A binder hands out the parameters of a statement in their order.
type binder struct {
	dialect bunkit.Dialect
	n       int
}

// next returns the next parameter.
func (b *binder) next(k kind) string {
	b.n++
	if b.dialect == bunkit.SQLite3 {
		return "?" + strconv.Itoa(b.n)
	}
	return "$" + strconv.Itoa(b.n) + k.cast()
}

// all returns the next parameters, for columns.
func (b *binder) all(columns []column) []string {
	var params []string
	for _, c := range columns {
		params = append(params, b.next(c.kind))
	}
	return params
}

// now returns the store's now, which with SQLite is the n-th parameter; see
// [Store.bindNow].
func (b *binder) now(n int) string {
	if b.dialect == bunkit.SQLite3 {
		return "?" + strconv.Itoa(n)
	}
	return b.dialect.Now()
}

// stamps returns the expressions for stamped. With PostgreSQL the instants are
// followed by as many parameters for the microseconds from the server's now, zero
// for an instant that stays as it is; with SQLite the instants are
// stamped already.
func (b *binder) stamps() []string {
	exprs := b.all(stamped)
	if b.dialect == bunkit.SQLite3 {
		return exprs
	}
	for i, instant := range exprs {
		after := b.next(number)
		exprs[i] = "CASE WHEN " + after + " > 0 THEN " + b.dialect.After(after) + " ELSE " + instant + " END"
	}
	return exprs
}
