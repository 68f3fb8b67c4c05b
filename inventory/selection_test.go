package inventory_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

func parse(t *testing.T, raw string) inventory.Selection {
	t.Helper()
	var s inventory.Selection
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The hashes are stored, so they never change.
func TestSelectionHash(t *testing.T) {
	for raw, want := range map[string]string{
		`{}`:                             "5c17502e33403d942995d7c49b5cd2ce02043a5c09986c265c821ab529864fcc",
		`{"include_foundations":false}`:  "cdde2a2625348c6813bd1ab33f4eb1d988bb30b17363ab3956654177239cc2a1",
		`{"include_dependencies":false}`: "d2018de4d56a656ea30d152ca2016110631562252dc335b3ac5b0603bb0b8d79",
		`{"policy_types":["configurationPolicy"]}`:                                "b61c68e4a3b93911a6deed792ca6b61ebff7111fa94e9c5899594b86736b6ad6",
		`{"policy_types":["intent","configurationPolicy","intent"]}`:              "3b3f8957a0b678882b21ed42e54c097dcd9c04d497a68bc5fcb85f33bb2f71c1",
		`{"categories":["compliance"],"policy_types":["deviceCompliancePolicy"]}`: "691d28a4fadffe5df249b88733003434944db5c1e3d87291956dd5004c6b8c99",
		`{"categories":["apps","compliance"],"include_foundations":false}`:        "d648be040f4eedf41f37eec571206597ecb653ccf5353c9b765c19ac4ceff863",
		`{"policy_types":["unknown:/deviceManagement/novelties"]}`:                "9965ce8fd67744c4b4df09954533b9cdab97b7f10390432a595dcf763e940c53",
	} {
		t.Run(raw, func(t *testing.T) {
			got, err := parse(t, raw).Hash()
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("Hash = %s, want %s", got, want)
			}
		})
	}
}

func TestSelectionHashOfEqualMeanings(t *testing.T) {
	var kinds []string
	for typ := range contract.All() {
		kinds = append(kinds, typ.Key)
	}
	slices.Reverse(kinds)
	every, err := json.Marshal(kinds)
	if err != nil {
		t.Fatal(err)
	}
	const categories = `["tenant","rbac","conditional_access","scripts","updates","enrollment","app_protection","apps","endpoint_security","compliance","configuration"]`
	for name, pair := range map[string][2]string{
		"defaults":   {`{}`, `{"include_dependencies":true,"include_foundations":true}`},
		"everything": {`{}`, `{"policy_types":` + string(every) + `,"categories":` + categories + `}`},
		"null":       {`{}`, `{"policy_types":null,"categories":null,"include_foundations":null}`},
		"order":      {`{"policy_types":["intent","mobileApp"]}`, `{"policy_types":["mobileApp","intent","mobileApp"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			a, errA := parse(t, pair[0]).Hash()
			b, errB := parse(t, pair[1]).Hash()
			if errA != nil || errB != nil || a != b {
				t.Errorf("Hash(%s) = %s, %v and Hash(%s) = %s, %v; want the same", pair[0], a, errA, pair[1], b, errB)
			}
		})
	}
}

func TestSelectionRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`{"policy_types":[]}`:                                               "The selection has an empty list of policy types and selects nothing.",
		`{"categories":[]}`:                                                 "The selection has an empty list of categories and selects nothing.",
		`{"policy_types":["no_such_type"]}`:                                 "The selection names an unknown policy type, no_such_type.",
		`{"policy_types":["a b=c"]}`:                                        "The selection names an unknown policy type.",
		`{"policy_types":["groups"]}`:                                       "The selection names an unknown policy type, groups.",
		`{"categories":["nothing"]}`:                                        "The selection names an unknown category, nothing.",
		`{"policy_types":["intent"],"categories":["apps"]}`:                 "The policy types, categories and foundations together select nothing.",
		`{"policy_types":["assignmentFilter"],"include_foundations":false}`: "The policy types, categories and foundations together select nothing.",
	} {
		t.Run(raw, func(t *testing.T) {
			_, err := parse(t, raw).Hash()
			failure, _ := runs.FailureOf(err)
			if err == nil || failure.Reason != runs.ReasonInvalidInput || failure.Message != want {
				t.Errorf("Hash: %v, %+v; want %s with %q", err, failure, runs.ReasonInvalidInput, want)
			}
		})
	}
}

func TestSelectionKinds(t *testing.T) {
	for raw, want := range map[string][]string{
		`{"policy_types":["intent","mobileApp"]}`:                                                   {"mobileApp", "intent"},
		`{"policy_types":["intent","mobileApp","assignmentFilter"],"categories":["apps","tenant"]}`: {"assignmentFilter", "mobileApp"},
		`{"categories":["rbac"]}`:                                                                   {"roleScopeTag", "roleDefinition", "roleAssignment", "operationApprovalPolicy"},
		`{"categories":["rbac"],"include_foundations":false}`:                                       {"roleAssignment", "operationApprovalPolicy"},
	} {
		t.Run(raw, func(t *testing.T) {
			var got []string
			for _, typ := range parse(t, raw).Kinds() {
				got = append(got, typ.Key)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Kinds (-want +got):\n%s", diff)
			}
		})
	}
	if got, want := len(inventory.Selection{}.Kinds()), 66; got != want {
		t.Errorf("everything is %d kinds, want %d", got, want)
	}
}

func FuzzSelection(f *testing.F) {
	f.Add("intent,mobileApp", "apps", true, false)
	f.Add("", "", false, true)
	f.Add("unknown:/a,b", "rbac,tenant", false, false)
	f.Fuzz(func(t *testing.T, types, categories string, foundations, links bool) {
		s := inventory.Selection{IncludeFoundations: &foundations, IncludeDependencies: &links}
		if types != "" {
			s.PolicyTypes = strings.Split(types, ",")
		}
		for c := range strings.SplitSeq(categories, ",") {
			if c != "" {
				s.Categories = append(s.Categories, contract.Category(c))
			}
		}
		complete, err := s.Complete()
		if err != nil {
			if failure, _ := runs.FailureOf(err); failure.Reason != runs.ReasonInvalidInput {
				t.Errorf("Complete(%+v): %v, which is not invalid input", s, err)
			}
			return
		}
		again, err := complete.Complete()
		if diff := cmp.Diff(complete, again); err != nil || diff != "" {
			t.Errorf("Complete is not stable: %v\n%s", err, diff)
		}
		slices.Reverse(s.PolicyTypes)
		slices.Reverse(s.Categories)
		a, errA := complete.Hash()
		b, errB := s.Hash()
		if errA != nil || errB != nil || a != b {
			t.Errorf("Hash = %s, %v and, in another order, %s, %v", a, errA, b, errB)
		}
	})
}
