package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keepers are the packages that may write to a store of runs: the Tracker's,
// the drivers, and what tests those.
var keepers = []string{ //nolint:gochecknoglobals // a constant table
	"runs", "runs/memruns", "runs/bunruns", "runs/runstest", "internal/crashtest", "internal/crashtest/model", "internal/bench",
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
	const head = "package x\nimport \"github.com/tenantatlas/tenantatlas/runs\"\nfunc f(s runs.Store, r, other *runs.Run) {\n"
	for body, want := range map[string]int{
		"s.Update(nil, r)":                1,
		"s.Insert(nil, r)":                1,
		"_, _ = s.Update(nil, r)":         1,
		"r.Status = runs.StatusCompleted": 1,
		"r.Status, r.Outcome = runs.StatusCompleted, runs.OutcomeFailed": 2,
		"r.Status = \"completed\"":                                       1,
		"r.Status = other.Status":                                        1,
		"r.Outcome = runs.OutcomeOf(r.Counts)":                           1,
		"r.Status, r.Outcome = stage()":                                  2,
		"set(&r.Status)":                                                 1,
		"_ = r.Status == runs.StatusCompleted":                           0,
		"status := r.Status":                                             0,
		"_ = &runs.Run{Status: runs.StatusCompleted}":                    0, // for Tracker.Import
		"list = slices.Insert(list, 0, r)":                               0,
		"cover.Status = runs.ItemFailed":                                 0,
		"cover.Status = \"skipped\"":                                     0,
		"cover.Status, it.Outcome = runs.ItemFailed, \"\"":               1,
	} {
		if got := transitions(t, "x.go", head+body+"\n}"); len(got) != want {
			t.Errorf("%s: noticed %v, want %d", body, got, want)
		}
	}
	const renamed = "package x\nimport job \"github.com/tenantatlas/tenantatlas/runs\"\nfunc f(c *cover) { c.Status = job.ItemFailed; c.Status = job.StatusRunning }"
	if got := transitions(t, "x.go", renamed); len(got) != 1 {
		t.Errorf("runs under another name: noticed %v, want 1", got)
	}
	if got := transitions(t, "x.go", "package x\nfunc f(s interface{ Update() }) { s.Update() }"); len(got) != 0 {
		t.Errorf("a file that does not know runs: noticed %v", got)
	}
}

// transitions returns where src moves runs, if it imports package runs. It goes
// by names, since to know the types takes longer than all other tests: it takes
// every Insert and Update of two arguments for a store's, and what is assigned
// to a Status or an Outcome for a run's unless it is an item's.
func transitions(t *testing.T, name, src string) (where []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	pkg := localName(file, "github.com/tenantatlas/tenantatlas/runs")
	if pkg == "" {
		return nil
	}
	notice := func(n ast.Node) { where = append(where, set.Position(n.Pos()).String()) }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 && (s.Sel.Name == "Insert" || s.Sel.Name == "Update") {
				notice(n)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND && isStage(n.X) {
				notice(n)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if isStage(to) && (len(n.Rhs) != len(n.Lhs) || !isItems(n.Rhs[i], pkg)) {
					notice(to)
				}
			}
		}
		return true
	})
	return where
}

// localName is the name that file has for a package, or nothing.
func localName(file *ast.File, importPath string) string {
	for _, i := range file.Imports {
		switch {
		case i.Path.Value != strconv.Quote(importPath):
		case i.Name != nil:
			return i.Name.Name
		default:
			return path.Base(importPath)
		}
	}
	return ""
}

// isStage reports whether to is a field that is called as those are that say
// where a run is in its life.
func isStage(to ast.Expr) bool {
	s, ok := to.(*ast.SelectorExpr)
	return ok && (s.Sel.Name == "Status" || s.Sel.Name == "Outcome")
}

// isItems reports whether value can only be an item's outcome: a constant for
// items, or a text that is no status.
func isItems(value ast.Expr, pkg string) bool {
	switch v := value.(type) {
	case *ast.SelectorExpr:
		x, ok := v.X.(*ast.Ident)
		return ok && x.Name == pkg && strings.HasPrefix(v.Sel.Name, "Item")
	case *ast.BasicLit:
		return v.Value == `"skipped"`
	default:
		return false
	}
}
