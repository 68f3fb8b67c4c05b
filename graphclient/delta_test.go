package graphclient_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func deltaPage(next, delta string, items ...string) string {
	s := strings.TrimSuffix(page(next, items...), "}")
	if delta != "" {
		s += `,"@odata.deltaLink":` + quote(delta)
	}
	return s + "}"
}

func TestDelta(t *testing.T) {
	svc := script(
		says(200, deltaPage(base+"/beta/groups/delta?$skiptoken=a", "", object(1))),
		says(200, deltaPage("", base+"/beta/groups/delta?$deltatoken=b%2Bc", object(2))),
		says(200, deltaPage("", base+"/beta/groups/delta?$deltatoken=d")))
	client := newClient(t, svc, nil)
	path := contract.GroupsDelta()
	for round, want := range []string{"/groups/delta?$deltatoken=b%2Bc", "/groups/delta?$deltatoken=d"} {
		var link, next string
		for p, err := range client.Delta(t.Context(), graphclient.Request{Path: path}) {
			if err != nil {
				t.Fatal(err)
			}
			link += p.DeltaLink
			next += p.NextLink
		}
		if wantNext := []string{"/groups/delta?$skiptoken=a", ""}[round]; link != want || next != wantNext {
			t.Errorf("round %d ended with %q after %q, want %q after %q", round, link, next, want, wantNext)
		}
		path = link
	}
	if got := svc.seen[2].URL.String(); got != base+"/beta/groups/delta?$deltatoken=b%2Bc" {
		t.Errorf("the kept link was sent as %s", got)
	}
	// A link that was kept works on another host of the cloud.
	svc = script(says(200, deltaPage("", "http://127.0.0.1:9/beta/groups/delta?$deltatoken=e")))
	client = newClient(t, svc, func(c *graphclient.Config) {
		c.Cloud = graphclient.Cloud{Graph: "http://127.0.0.1:9", Login: "http://127.0.0.1:9"}
	})
	for _, err := range client.Delta(t.Context(), graphclient.Request{Path: path}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := svc.seen[0].URL.String(); got != "http://127.0.0.1:9/beta/groups/delta?$deltatoken=d" {
		t.Errorf("the kept link was sent as %s", got)
	}
}

func TestDeltaEndsBadly(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		code  string
	}{
		"no link":        {deltaPage("", ""), "delta_link"},
		"link elsewhere": {deltaPage("", "https://evil.example/beta/groups/delta?x"), "delta_link"},
		"other version":  {deltaPage("", base+"/v1.0/groups/delta?x"), "delta_link"},
		"relative":       {deltaPage("", "/beta/groups/delta?x"), "delta_link"},
		"next version":   {deltaPage(base+"/v1.0/groups/delta?x", ""), "next_link"},
		"null":           {`{"value":[],"@odata.deltaLink":null}`, "delta_link"},
		"number":         {`{"value":[],"@odata.deltaLink":1}`, "delta_link"},
	} {
		t.Run(name, func(t *testing.T) {
			for p, err := range newClient(t, script(says(200, c.reply)), nil).Delta(t.Context(), graphclient.Request{Path: "/groups/delta"}) {
				if e := errorOf(t, err); e.Reason != graphclient.ErrBadResponse || e.Code != c.code || p.Items != nil {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// A token that is too old, at the start or in the middle, asks for a full
// enumeration; one that is only unavailable does not.
func TestDeltaResync(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"410":                 {410, `{"error":{"code":"resyncRequired"}}`, graphclient.ErrResync},
		"410 empty":           {410, ``, graphclient.ErrResync},
		"syncStateNotFound":   {400, `{"error":{"code":"syncStateNotFound"}}`, graphclient.ErrResync},
		"SyncStateInvalid":    {400, `{"error":{"code":"SyncStateInvalid"}}`, graphclient.ErrResync},
		"Directory_Resync":    {410, `{"error":{"code":"resyncChangesApplyDifferences"}}`, graphclient.ErrResync},
		"another bad request": {400, `{"error":{"code":"BadRequest"}}`, graphclient.ErrInvalidRequest},
		"404":                 {404, ``, graphclient.ErrNotFound},
		"503":                 {503, ``, graphclient.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := script(says(200, deltaPage(base+"/beta/groups/delta?$skiptoken=a", "", object(1))), says(c.status, c.body))
				var last error
				for _, err := range newClient(t, svc, nil).Delta(t.Context(), graphclient.Request{Path: "/groups/delta"}) {
					last = err
				}
				if !errors.Is(last, c.want) {
					t.Errorf("got %v, want %v", last, c.want)
				}
			})
		})
	}
}
