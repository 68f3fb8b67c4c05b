package contract_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A row is what a survey of other tools and of Microsoft's pages found about
// one type.
type row struct {
	Key, Odata, Name, List, Bucket string
	Order                          int
}

// TestSurvey holds the registry against the survey that it was made from.
func TestSurvey(t *testing.T) {
	rows := decode[[]row](t, dataFile(t, filepath.Join("..", "domain", "policytypes.json")))
	if len(rows) != 66 {
		t.Errorf("the survey has %d rows, want 66", len(rows))
	}
	count := 0
	for range contract.All() {
		count++
	}
	if count != len(rows) {
		t.Errorf("the registry has %d types, want %d", count, len(rows))
	}
	for _, r := range rows {
		t.Run(r.Key, func(t *testing.T) {
			typ, ok := contract.Lookup(r.Key)
			if !ok {
				t.Fatal("not in the registry")
			}
			if diff := cmp.Diff(surveyPaths(r), paths(typ)); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
			if got, want := typ.Order, r.Order; got != want {
				t.Errorf("order = %d, want %d", got, want)
			}
			if got, want := typ.Name, surveyName(r); got != want {
				t.Errorf("name property = %q, want %q", got, want)
			}
			if got, want := typ.Bucket, surveyBucket(r.Bucket); got != want {
				t.Errorf("bucket = %q, want %q (%s)", got, want, r.Bucket)
			}
		})
	}
}

func paths(typ *contract.Type) []string {
	var out []string
	for _, l := range typ.Lists {
		out = append(out, l.Path)
	}
	return out
}

// surveyPaths returns the paths that a row speaks of, in its own shorthands.
func surveyPaths(r row) []string {
	const apps, devices = "/deviceAppManagement", "/deviceManagement"
	switch {
	case r.Key == "iosManagedAppProtection": // the other path refuses $expand
		return []string{apps + "/iosManagedAppProtections"}
	case strings.HasPrefix(r.List, "subset of deviceConfigurations"):
		return []string{devices + "/deviceConfigurations"}
	}
	var out []string
	list := strings.NewReplacer("{token}", "{parent}", "{id}", "{parent}", " and ", ",", " ; ", ",").Replace(cutQueries(r.List))
	prefix := ""
	for path := range strings.SplitSeq(list, ",") {
		path = strings.TrimSpace(path)
		if !strings.HasPrefix(path, devices+"/") && !strings.HasPrefix(path, apps+"/") && prefix != "" {
			path = prefix + path
		}
		prefix = path[:strings.LastIndexByte(path, '/')]
		out = append(out, path)
	}
	return out
}

// cutQueries removes queries and remarks.
func cutQueries(list string) string {
	var out []string
	for part := range strings.SplitSeq(list, " ; ") {
		part, _, _ = strings.Cut(part, "?")
		part, _, _ = strings.Cut(part, " (")
		out = append(out, part)
	}
	return strings.Join(out, " ; ")
}

func surveyName(r row) string {
	switch r.Name {
	case "-", "singleton":
		return ""
	case "displayName/-":
		return "displayName"
	}
	return r.Name
}

// surveyBucket returns the bucket that a row means. A question mark is a
// guess, and stays the bucket of the guess.
func surveyBucket(s string) contract.Bucket {
	switch s {
	case "?":
		return contract.BucketOther
	case "?(policyset ns)":
		return contract.BucketPolicySet
	case "?(groupPolicy)", "?(groupPolicy) - 429 observed (IBR#95)":
		return contract.BucketGroupPolicy
	case "identity (CA: 1 req/s/tenant)", "identity CA: 1 req/s/tenant":
		return contract.BucketConditionalAccess
	case "wip / managed-applications":
		return contract.BucketWIP
	case "enrollment / partner-integration":
		return contract.BucketEnrollment
	case "cloud PC":
		return contract.BucketCloudPC
	}
	return contract.Bucket(strings.TrimSuffix(s, "?"))
}
