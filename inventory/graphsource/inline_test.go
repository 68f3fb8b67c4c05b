package graphsource_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
)

// A replacing transport replaces something in the answers to batches.
type replacing struct {
	http.RoundTripper
	old, with string
}

func (r replacing) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.RoundTripper.RoundTrip(req)
	if err != nil || req.Method != http.MethodPost {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(r.old), []byte(r.with))))
	return resp, nil
}

// An object that is read by its id brings its assignments along, if its list does;
// they are asked for by themselves only if these are not all.
func TestAssignmentsComeAlong(t *testing.T) {
	for _, tt := range []struct {
		name, old, with string
		requests        int // for the assignments
	}{
		{"all", "", "", 0},
		{"not all", `"assignments":[`, `"assignments@odata.nextLink":"https://graph.microsoft.com/beta/next","assignments":[`, 1},
		{"none", `"assignments":[`, `"others":[`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, server := open(t, graphtest.Document{policies[1:]: {policy("p1", 3)}}, graphtest.Config{NoGzip: true})
				token, err := server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				rt := server.Transport()
				if tt.old != "" {
					rt = replacing{rt, tt.old, tt.with}
				}
				client, err := graphclient.New(graphclient.Config{Tenant: contoso, Tokens: staticToken(token), Transport: rt})
				if err != nil {
					t.Fatal(err)
				}
				w := want(t, policies, inventory.Listed{Doc: policy("p1", 3)})
				w.Object = inventory.Listed{}
				for _, r := range graphsource.New(client).Read(t.Context(), []inventory.Want{w}) {
					if r.Err != nil || r.Read != 3 || length(t, r.Assignments) != 1 {
						t.Errorf("read %d settings and the assignments %s, %v; want 3 and one", r.Read, r.Assignments, r.Err)
					}
				}
				counts := server.Counts()
				if got := counts["GET "+policies[1:]+"/{id}/assignments"]; got != tt.requests || counts["GET "+policies[1:]+"/{id}"] != 1 {
					t.Errorf("requests %v, want %d for the assignments", counts, tt.requests)
				}
			})
		})
	}
}
