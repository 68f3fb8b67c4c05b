package arch_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The forms in which docs/reliability.md names a row, a test, and a promise of
// the suite for stores.
var (
	rowForm     = regexp.MustCompile(`(?m)^\| ([KDSCZ]\d+) \|.*$`)
	testForm    = regexp.MustCompile("`([a-z]+)\\.((?:Test|Fuzz)\\w+)`")
	promiseForm = regexp.MustCompile("`runstest:([a-z-]+)`")
)

// TestReliability reads the table of what can go wrong: it has every row, and
// each names tests that there are, or says where the promise ends.
func TestReliability(t *testing.T) {
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, promises := declared(t)
	for _, problem := range checkReliability(string(text), tests, promises) {
		t.Error(problem)
	}
}

// The page on what Graph does with writes names tests that there are.
func TestPageOnWrites(t *testing.T) {
	text, err := os.ReadFile("../../docs/graph-writes.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, _ := declared(t)
	named := testForm.FindAllStringSubmatch(string(text), -1)
	if len(named) < 50 {
		t.Errorf("the page names %d tests, want a test in nearly every row", len(named))
	}
	for _, name := range named {
		if !slices.Contains(tests, name[1]+"."+name[2]) {
			t.Errorf("there is no %s.%s", name[1], name[2])
		}
	}
}

func TestReliabilityIsChecked(t *testing.T) {
	tests, promises := declared(t)
	whole, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"`crashtest.TestPoison`", "`crashtest.TestPoisson`"},
		{"`crashtest.TestPoison`", "`runs.TestPoison`"},
		{"`runstest:update-stale`", "`runstest:update-stall`"},
		{"| K7 |", "| K6 |"},
		{"\n| Z2 |", "\n| Z 2 |"},
		{"| K11 |", "| K11 | see elsewhere |\n| no row |"},
	} {
		text := strings.Replace(string(whole), change[0], change[1], 1)
		if text == string(whole) {
			t.Errorf("there is no %q to change", change[0])
		}
		if len(checkReliability(text, tests, promises)) == 0 {
			t.Errorf("with %q for %q nobody notices", change[1], change[0])
		}
	}
}

// checkReliability says what is wrong with the text of the page.
func checkReliability(text string, tests, promises []string) (problems []string) {
	var want []string
	for letter, n := range map[string]int{"K": 14, "D": 10, "S": 18, "C": 16, "Z": 8} {
		for i := range n {
			want = append(want, fmt.Sprint(letter, i+1))
		}
	}
	for _, row := range rowForm.FindAllStringSubmatch(text, -1) {
		i := slices.Index(want, row[1])
		if i < 0 {
			problems = append(problems, row[1]+" is unknown, or there twice")
			continue
		}
		want = slices.Delete(want, i, i+1)
		if !testForm.MatchString(row[0]) && !strings.Contains(row[0], "Boundary: ") {
			problems = append(problems, row[1]+" names no test and no boundary")
		}
	}
	for _, id := range want {
		problems = append(problems, id+" has no row")
	}
	for _, name := range testForm.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(tests, name[1]+"."+name[2]) {
			problems = append(problems, "there is no "+name[1]+"."+name[2])
		}
	}
	for _, name := range promiseForm.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(promises, name[1]) {
			problems = append(problems, "there is no promise "+name[1])
		}
	}
	return problems
}

// declared returns the tests of all modules by the last part of their package's
// path, and the names of the promises in package runstest.
func declared(t *testing.T) (tests, promises []string) {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.[TF]\)`)
	promise := regexp.MustCompile(`name: +"([a-z-]+)"`)
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		dir := path.Dir(name)
		if !strings.HasSuffix(name, "_test.go") && dir != "runs/runstest" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, "_test.go") {
			for _, f := range function.FindAllStringSubmatch(string(src), -1) {
				tests = append(tests, path.Base(dir)+"."+f[1])
			}
			return nil
		}
		for _, p := range promise.FindAllStringSubmatch(string(src), -1) {
			promises = append(promises, p[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, promises
}
