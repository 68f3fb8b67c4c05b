package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// keepers are the packages that may write to a store of runs: the Tracker's,
// the drivers, and what tests those.
var keepers = []string{ //nolint:gochecknoglobals // a constant table
	"runs", "runs/memruns", "runs/bunruns", "runs/runstest", "internal/crashtest", "internal/bench",
}

// Every change of a run's status goes through the Tracker: nobody else calls
// Insert or Update, or sets a status or an outcome.
func TestOnlyTheTrackerMovesRuns(t *testing.T) {
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || slices.Contains(keepers, path.Dir(name)) {
			return err
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, where := range transitions(t, name, string(src)) {
			t.Errorf("%s moves a run; that is the Tracker's", where)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTransitionsAreNoticed(t *testing.T) {
	const head = "package x\nimport \"github.com/tenantatlas/tenantatlas/runs\"\nfunc f(s runs.Store, r *runs.Run) {\n"
	for body, want := range map[string]int{
		"s.Update(nil, r)":                1,
		"s.Insert(nil, r)":                1,
		"r.Status = runs.StatusCompleted": 1,
		"r.Status, r.Outcome = runs.StatusCompleted, runs.OutcomeFailed": 2,
		"_ = r.Status == runs.StatusCompleted":                           0,
		"_ = &runs.Run{Status: runs.StatusCompleted}":                    0, // for Tracker.Import
	} {
		if got := transitions(t, "x.go", head+body+"\n}"); len(got) != want {
			t.Errorf("%s: noticed %v, want %d", body, got, want)
		}
	}
	if got := transitions(t, "x.go", "package x\nfunc f(s interface{ Update() }) { s.Update() }"); len(got) != 0 {
		t.Errorf("a file that does not know runs: noticed %v", got)
	}
}

// transitions returns where src moves runs, if it imports package runs.
func transitions(t *testing.T, name, src string) (where []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"github.com/tenantatlas/tenantatlas/runs"`
	}) {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 && (s.Sel.Name == "Insert" || s.Sel.Name == "Update") {
				where = append(where, set.Position(n.Pos()).String())
			}
		case *ast.AssignStmt:
			for _, value := range n.Rhs {
				if s, ok := value.(*ast.SelectorExpr); ok && isStage(s) {
					where = append(where, set.Position(n.Pos()).String())
				}
			}
		}
		return true
	})
	return where
}

// isStage reports whether s is a constant of package runs that says where a run
// is in its life.
func isStage(s *ast.SelectorExpr) bool {
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "runs" && (strings.HasPrefix(s.Sel.Name, "Status") || strings.HasPrefix(s.Sel.Name, "Outcome"))
}
