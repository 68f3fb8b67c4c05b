package runs_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
)

// What people are told of an operation follows from how it is declared.
func TestScope(t *testing.T) {
	type input struct {
		Set    string `json:"backup_set"`
		Depth  string `json:"depth,omitempty"`
		Hidden string `json:"-"`
		Plain  int
		inner  int
	}
	handle := func(_ context.Context, _ *runs.Exec, in input) error { _ = in.inner; return nil }
	for name, test := range map[string]struct {
		op     runs.Operation
		fields []string
		known  bool
		rights []runs.Action
	}{
		"whole input": {runs.Define("a.b", handle), []string{"Plain", "backup_set", "depth"}, true, []runs.Action{runs.ActionStart}},
		"identity": {runs.Spec[input]{
			Type: "a.b", Identity: func(in input) any { return map[string]any{"set": in.Set, "and": 1} },
			Action: func(input) runs.Action { return runs.ActionExport },
		}.Operation(), []string{"and", "set"}, true, []runs.Action{runs.ActionExport}},
		"one in a tenant": {runs.Spec[struct{}]{Type: "a.b"}.Operation(), []string{}, true, []runs.Action{runs.ActionStart}},
		"told": {runs.Spec[input]{
			Type: "a.b", Identity: func(in input) any { return in.Set },
			Rights: []runs.Action{runs.ActionStart, runs.ActionRestore},
		}.Operation(), nil, false, []runs.Action{runs.ActionStart, runs.ActionRestore}},
		"cannot take nothing": {runs.Spec[map[string]*input]{
			Type: "a.b", Identity: func(in map[string]*input) any { return in["x"].Set },
			Action: func(in map[string]*input) runs.Action { return runs.Action(in["x"].Set) },
		}.Operation(), nil, false, []runs.Action{runs.ActionStart}},
	} {
		fields, known := test.op.Scope()
		if diff := cmp.Diff(test.fields, fields); diff != "" || known != test.known {
			t.Errorf("%s: known %t (-want +got)\n%s", name, known, diff)
		}
		if diff := cmp.Diff(test.rights, test.op.Rights()); diff != "" {
			t.Errorf("%s: rights (-want +got)\n%s", name, diff)
		}
	}
}
