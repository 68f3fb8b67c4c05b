package runs_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Every small combination of counts, against the rule in words.
func TestOutcomeOf(t *testing.T) {
	for ok := range int64(5) {
		for failed := range int64(5) {
			for skipped := range int64(5) {
				for total := range int64(5) {
					c := runs.Counts{Total: total, Succeeded: ok, Failed: failed, Skipped: skipped}
					want := runs.OutcomeFailed
					if failed == 0 {
						want = runs.OutcomeSucceeded
					} else if ok >= 1 {
						want = runs.OutcomePartiallySucceeded
					}
					if got := runs.OutcomeOf(c); got != want {
						t.Errorf("OutcomeOf(%+v) = %s, want %s", c, got, want)
					}
				}
			}
		}
	}
	if got := runs.OutcomeOf(runs.Counts{Failed: -1}); got != runs.OutcomeSucceeded {
		t.Errorf("negative failures are %s", got)
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		done, total int64
		want        int
		known       bool
	}{
		{0, 0, 0, false},
		{5, 0, 0, false},
		{6, 5, 0, false},
		{-1, 5, 0, false},
		{0, 5, 0, true},
		{29, 100, 29, true},
		{1, 3, 33, true},
		{2, 3, 66, true},
		{999, 1000, 99, true},
		{5, 5, 99, true}, // the end is the completed run's to show
		{math.MaxInt64, math.MaxInt64, 99, true},
		{math.MaxInt64 / 2, math.MaxInt64, 49, true},
	}
	for _, tt := range tests {
		got, known := runs.Counts{Total: tt.total, Succeeded: tt.done}.Percent()
		if got != tt.want || known != tt.known {
			t.Errorf("%d of %d = %d%%, %v; want %d%%, %v", tt.done, tt.total, got, known, tt.want, tt.known)
		}
	}
}

// The role table as the documentation prints it, held equal to the code.
func TestRoleTable(t *testing.T) {
	actions := []runs.Action{
		runs.ActionView, runs.ActionStart, runs.ActionAcknowledge, runs.ActionCancelOwn, runs.ActionRetryOwn,
		runs.ActionCancelOther, runs.ActionRetryOther, runs.ActionExport, runs.ActionMapGroups, runs.ActionRestore,
		runs.ActionManageSchedules, runs.ActionViewAudit, runs.ActionDeleteSets, runs.ActionChangeRoles, "no.such.action",
	}
	roles := []runs.Role{runs.RoleOwner, runs.RoleManager, runs.RoleOperator, runs.RoleReadonly, ""}
	var b strings.Builder
	for _, a := range actions {
		fmt.Fprintf(&b, "%-17s", a)
		for _, r := range roles {
			have := runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return r, nil })
			err := have.Authorize(t.Context(), dana, tenant, a)
			switch {
			case err == nil:
				b.WriteString(" yes")
			case errors.Is(err, runs.ErrForbidden):
				b.WriteString(" 403")
			case errors.Is(err, runs.ErrNotFound):
				b.WriteString(" 404")
			default:
				fmt.Fprintf(&b, " %v", err)
			}
		}
		b.WriteString("\n")
	}
	want, err := os.ReadFile("testdata/roles.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("role table (-want +got):\n%s", diff)
	}
}

// Who is of no known kind, or has no name, has no rights, and is not taken for
// the program itself.
func TestRolesRefuseNobody(t *testing.T) {
	owner := runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return runs.RoleOwner, nil })
	none := runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return "", nil })
	for _, a := range []runs.Actor{{}, {ID: "mallory"}, {Kind: "User", ID: "mallory"}, {Kind: "guest", ID: "mallory"}, {Kind: runs.ActorUser}} {
		for _, act := range []runs.Action{runs.ActionView, runs.ActionStart} {
			wantErr(t, fmt.Sprintf("%s by %+v without a role", act, a), none.Authorize(t.Context(), a, tenant, act), runs.ErrNotFound)
			wantErr(t, fmt.Sprintf("%s by %+v", act, a), owner.Authorize(t.Context(), a, tenant, act), runs.ErrNotFound)
		}
	}
	for _, act := range []runs.Action{runs.ActionView, runs.ActionStart} {
		wantErr(t, fmt.Sprintf("%s by the program", act), none.Authorize(t.Context(), runs.System("sweep"), tenant, act), nil)
	}
}

// A clone shares nothing with its original: every pointer, map and slice of a
// run is looked at, also those that are added one day.
func TestCloneSharesNothing(t *testing.T) {
	r := &runs.Run{}
	fill(reflect.ValueOf(r).Elem(), 1)
	c := r.Clone()
	if diff := cmp.Diff(r, c); diff != "" {
		t.Fatalf("clone differs (-original +clone):\n%s", diff)
	}
	before := r.Clone()
	scribble(reflect.ValueOf(c).Elem())
	if diff := cmp.Diff(before, r); diff != "" {
		t.Errorf("a change to the clone shows in the original:\n%s", diff)
	}
}

func fill(v reflect.Value, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("s", n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n+i)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(val, n)
		v.SetMapIndex(key, val)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n+i)
		}
	default:
		panic("no rule for " + v.Kind().String())
	}
}

// scribble changes everything that v refers to.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), 99)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			val := reflect.New(v.Type().Elem()).Elem()
			fill(val, 99)
			v.SetMapIndex(k, val)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			scribble(field)
		}
	}
}

func TestReasonsHaveWords(t *testing.T) {
	for _, r := range []runs.Reason{
		"throttled", "permission_denied", "authentication_failed", "not_found", "gone", "conflict", "invalid_input",
		"timeout", "canceled", "worker_lost", "panic", "dispatch_failed", "dependency_unreachable", "bad_response",
		"paging_loop", "inconsistent_read", "outcome_unknown", "approval_required", "unsupported", "not_ready", "internal",
	} {
		if !r.Known() || !strings.HasSuffix(r.Sentence(), ".") || !strings.HasSuffix(r.Advice(), ".") {
			t.Errorf("%s: known %v, %q, %q", r, r.Known(), r.Sentence(), r.Advice())
		}
		if got := runs.Sanitize(r.Sentence()); got != r.Sentence() {
			t.Errorf("%s: its sentence is sanitized to %q", r, got)
		}
	}
	for r, want := range map[runs.Reason]bool{
		"ext.billing.no_credit": true, "ext.a.b": true, "ext.a": false, "ext..b": false, "ext.a.b.c": false,
		"ext.A.b": false, "ext.a.b c": false, "": false, "because": false, runs.Reason("ext.a." + strings.Repeat("b", 100)): false,
	} {
		if got := r.Known(); got != want {
			t.Errorf("%q is known: %v, want %v", r, got, want)
		}
	}
}

func TestTypeValidate(t *testing.T) {
	for typ, want := range map[runs.Type]bool{
		"inventory.sync": true, "backup_set.add_policies": true, "directory.groups.sync": true, "a.b2": true,
		"sync": false, "": false, "a.": false, ".b": false, "A.b": false, "a.2b": false, "a b.c": false, "a._b": false, "ä.b": false,
		runs.Type("a." + strings.Repeat("b", 100)): false,
	} {
		if err := typ.Validate(); (err == nil) != want {
			t.Errorf("%q: %v, want valid: %v", typ, err, want)
		}
	}
}
