package arch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestMigrations sees that docs/migrations.md lists every step of every driver,
// and no other.
func TestMigrations(t *testing.T) {
	text, err := os.ReadFile("../../docs/migrations.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := migrations(t)
	if len(steps) < 5 {
		t.Fatalf("only %d drivers have migrations", len(steps))
	}
	for _, problem := range checkMigrations(string(text), steps) {
		t.Error(problem)
	}
	for driver, names := range steps {
		for name := range names {
			without := strings.Replace(string(text), "`"+name+"`", "a step", 1)
			if len(checkMigrations(without, steps)) == 0 {
				t.Errorf("the page may be silent on %s of %s", name, driver)
			}
		}
	}
	if len(checkMigrations(string(text)+"\n| `bunruns` | `0099_none` | | |", steps)) == 0 {
		t.Error("the page may list a step that there is not")
	}
}

// migrations returns the names of the steps of each driver, in any dialect.
func migrations(t *testing.T) map[string]map[string]bool {
	t.Helper()
	steps := map[string]map[string]bool{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, _ fs.DirEntry, err error) error {
		folder, step, found := strings.Cut(name, "/migrations/")
		step, up := strings.CutSuffix(path.Base(step), ".up.sql")
		if err != nil || !found || !up {
			return err
		}
		driver := path.Base(folder)
		if steps[driver] == nil {
			steps[driver] = map[string]bool{}
		}
		steps[driver][step] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

var stepForm = regexp.MustCompile("(?m)^\\| (?:`([a-z]+)`)? ?\\| `(\\d{4}_[a-z]+)`")

// checkMigrations returns how the page differs from the steps that there are.
func checkMigrations(text string, steps map[string]map[string]bool) (problems []string) {
	listed := map[string]bool{}
	driver := ""
	for _, row := range stepForm.FindAllStringSubmatch(text, -1) {
		if row[1] != "" {
			driver = row[1]
		}
		listed[driver+" "+row[2]] = true
		if !steps[driver][row[2]] {
			problems = append(problems, fmt.Sprintf("docs/migrations.md: %s has no step %s", driver, row[2]))
		}
	}
	for driver, names := range steps {
		for name := range names {
			if !listed[driver+" "+name] {
				problems = append(problems, fmt.Sprintf("docs/migrations.md: %s of %s is missing", name, driver))
			}
		}
	}
	return problems
}
