package arch_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvsForm is a row of docs/security.md: one requirement, or the first and the
// last of several.
var asvsForm = regexp.MustCompile(`(?m)^\| (\d+\.\d+)\.(\d+)(?:–(\d+\.\d+)\.(\d+))? \|.*$`)

// reasonForm says why a row needs no test.
var reasonForm = regexp.MustCompile(`(Not here|Boundary|Documented): `)

// asvsLevels12 are how many requirements of levels 1 and 2 each section of the
// OWASP ASVS 5.0.0 has; they are its first ones.
var asvsLevels12 = map[string]int{
	"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
	"2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
	"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
	"4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
	"5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
	"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
	"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
	"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
	"9.1": 3, "9.2": 4,
	"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
	"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
	"12.1": 3, "12.2": 2, "12.3": 4,
	"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
	"14.1": 2, "14.2": 4, "14.3": 3,
	"15.1": 3, "15.2": 3, "15.3": 7,
	"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
	"17.1": 1, "17.2": 4, "17.3": 2,
}

// TestSecurity reads the table of the ASVS: it has every requirement of levels 1
// and 2 once, each with a test or a reason, and the tests that it names are there.
func TestSecurity(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, _ := declared(t)
	for _, problem := range checkSecurity(string(text), tests) {
		t.Error(problem)
	}
	for _, change := range [][2]string{
		{"`host.TestCrossSite`", "`host.TestCrossSites`"},
		{"| 3.4.3 |", "| 3.4.2 |"},
		{"\n| 6.2.1–6.2.12 |", "\n| 6.2.1–6.2.11 |"},
		{"\n| 17.1.1 |", "\n| 17.1 |"},
		{"| Not here: no XML is read |", "| Nobody would |"},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Errorf("there is no %q to change", change[0])
		}
		if len(checkSecurity(changed, tests)) == 0 {
			t.Errorf("with %q for %q nobody notices", change[1], change[0])
		}
	}
}

// checkSecurity says what is wrong with the text of the page.
func checkSecurity(text string, tests []string) (problems []string) {
	rows := make(map[string]int)
	for _, row := range asvsForm.FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(row[2])
		last := first
		if row[3] != "" {
			last, _ = strconv.Atoi(row[4])
		}
		for n := first; n <= last; n++ {
			rows[fmt.Sprint(row[1], ".", n)]++
		}
		cells := strings.Split(row[0], "|")
		if len(cells) != 5 || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			problems = append(problems, row[1]+"."+row[2]+" has not three cells")
		}
		if !testForm.MatchString(row[0]) && !reasonForm.MatchString(row[0]) {
			problems = append(problems, row[1]+"."+row[2]+" names no test and says not why")
		}
	}
	for section, n := range asvsLevels12 {
		for i := range n {
			id := fmt.Sprint(section, ".", i+1)
			if rows[id] != 1 {
				problems = append(problems, fmt.Sprintf("%s has %d rows", id, rows[id]))
			}
			delete(rows, id)
		}
	}
	for id := range rows {
		problems = append(problems, id+" is not of levels 1 and 2")
	}
	for _, name := range testForm.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(tests, name[1]+"."+name[2]) {
			problems = append(problems, "there is no "+name[1]+"."+name[2])
		}
	}
	return problems
}
