package graphclient_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// jwt makes an unsigned token with the given claims.
func jwt(claims string) graphclient.Secret {
	enc := base64.RawURLEncoding.EncodeToString
	return graphclient.NewSecret(enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("signature")))
}

// What only a person may do is not there for an application, and nothing of
// what an application does is there for a person.
func TestTypesKeepApart(t *testing.T) {
	methods := func(v any) (names []string) {
		for m := range reflect.TypeOf(v).Methods() {
			names = append(names, m.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"Batch", "Delta", "Do", "Pages", "URL", "User"}, methods(&graphclient.Client{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"SearchGroups"}, methods(&graphclient.User{})); diff != "" {
		t.Error(diff)
	}
}

// Nor does a path written by hand get an application around that.
func TestApplicationsDoNotSearchGroups(t *testing.T) {
	svc := script(says(200, page("")))
	client := newClient(t, svc, func(c *graphclient.Config) { c.Limiter, c.MaxAttempts = unlimited(t), 1 })
	for path, refused := range map[string]bool{
		contract.GroupSearch("x", 5):                   true,
		`/groups?$search="displayName:x"`:              true,
		`/Groups/?$top=5&%24SEARCH=%22mail:x%22`:       true,
		`/groups?search="displayName:x"`:               true,
		`/groups?%zz=1`:                                true,
		"/groups?$filter=id%20in%20('1','2')":          false,
		"/groups":                                      false,
		contract.GroupsDelta():                         false,
		contract.Group("1"):                            false,
		`/deviceManagement/intents?$search="x"`:        false,
		`/groups?$filter=displayName%20eq%20'$search'`: false,
	} {
		req := graphclient.Request{Path: path}
		_, err := client.Do(t.Context(), req)
		_, _, errPages := all(t.Context(), client, req)
		results := collect(t, client, []graphclient.Request{req})
		for _, err := range []error{err, errPages, results[0].Err} {
			e, _ := errors.AsType[*graphclient.Error](err)
			if got := e != nil && e.Code == "delegated_only"; got != refused {
				t.Errorf("%s: got %v", path, err)
			}
		}
	}
}

func TestUserNeedsAUsersToken(t *testing.T) {
	client := newClient(t, script(says(200, page(""))), nil)
	for name, c := range map[string]struct {
		token graphclient.Secret
		ok    bool
	}{
		"opaque":              {graphclient.NewSecret("0.AAAA"), true},
		"delegated":           {jwt(`{"scp":"Group.Read.All","tid":"` + tenant + `"}`), true},
		"delegated with role": {jwt(`{"scp":"Group.Read.All","roles":["x"],"idtyp":"user"}`), true},
		"empty":               {graphclient.Secret{}, false},
		"application":         {jwt(`{"idtyp":"app","roles":["Group.Read.All"]}`), false},
		"application, old":    {jwt(`{"roles":["Group.Read.All"]}`), false},
		"other tenant":        {jwt(`{"scp":"Group.Read.All","tid":"99999999-2222-3333-4444-555555555555"}`), false},
		"two lines":           {graphclient.NewSecret("a\r\nX: y"), false},
	} {
		if _, err := client.User(c.token); (err == nil) != c.ok || err != nil && !errors.Is(err, graphclient.ErrUnauthenticated) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSearchGroups(t *testing.T) {
	src := &tokens{}
	svc := script(says(200, page(base+"/beta/groups?$skiptoken=a",
		`{"id":"1","displayName":"A","groupTypes":["DynamicMembership"],"membershipRule":"x","onPremisesSyncEnabled":null}`)),
		says(200, page("", `{"id":"2","displayName":"B","onPremisesSyncEnabled":true}`, `{"id":"3"}`)))
	user, err := newClient(t, svc, func(c *graphclient.Config) { c.Tokens = src }).User(graphclient.NewSecret("persons-token"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := user.SearchGroups(t.Context(), " VPN ", 2)
	want := []graphclient.Group{
		{ID: "1", DisplayName: "A", GroupTypes: []string{"DynamicMembership"}, MembershipRule: "x"},
		{ID: "2", DisplayName: "B", OnPremisesSyncEnabled: true},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for i, r := range svc.seen {
		if r.Header.Get("Authorization") != "Bearer persons-token" || r.Header.Get("ConsistencyLevel") != "eventual" {
			t.Errorf("request %d has headers %v", i, r.Header)
		}
	}
	if len(src.asked) > 0 {
		t.Error("the application's token was asked for")
	}
}

// Whatever is typed is one term of $search, and no other part of the query.
func TestSearchIsEscaped(t *testing.T) {
	for text, want := range map[string]string{
		`VPN`:                     `"displayName:VPN"`,
		`a "b" c`:                 `"displayName:a \"b\" c"`,
		`a\`:                      `"displayName:a\\"`,
		`\"`:                      `"displayName:\\\""`,
		`x" OR "mail:`:            `"displayName:x\" OR \"mail:"`,
		`O'Brien & Sons + 1 #2 ?`: `"displayName:O'Brien & Sons + 1 #2 ?"`,
		`&$filter=x`:              `"displayName:&$filter=x"`,
		`100% ö 😀 ../..`:          `"displayName:100% ö 😀 ../.."`,
		"a\r\nX-Evil: 1":          "\"displayName:a\r\nX-Evil: 1\"",
	} {
		svc := script(says(200, page("")))
		user, err := newClient(t, svc, nil).User(graphclient.NewSecret("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := user.SearchGroups(t.Context(), text, 5); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		u := svc.seen[0].URL
		q, err := url.ParseQuery(u.RawQuery)
		if err != nil || q.Get("$search") != want || u.Path != "/beta/groups" || q.Has("$filter") || strings.Contains(u.RawQuery, "+") {
			t.Errorf("%q was sent as %s (%v)", text, u, err)
		}
	}
}

func TestSearchGroupsRefuses(t *testing.T) {
	challenge := `Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`{"access_token":{}}`)) + `"`
	for name, c := range map[string]struct {
		text   string
		reply  func() (*http.Response, error)
		want   error
		sent   int
		claims string
	}{
		"nothing":     {"  ", says(500, ``), nil, 0, ""},
		"too long":    {strings.Repeat("x", 300), says(500, ``), graphclient.ErrInvalidRequest, 0, ""},
		"forbidden":   {"x", says(403, `{}`), graphclient.ErrForbidden, 1, ""},
		"expired":     {"x", says(401, `{}`), graphclient.ErrUnauthenticated, 1, ""},
		"challenged":  {"x", says(401, `{}`, "Www-Authenticate: "+challenge), graphclient.ErrUnauthenticated, 1, `{"access_token":{}}`},
		"not a group": {"x", says(200, page("", `{"displayName":"x"}`)), graphclient.ErrBadResponse, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			svc := script(c.reply)
			user, err := newClient(t, svc, nil).User(graphclient.NewSecret("x"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = user.SearchGroups(t.Context(), c.text, 0)
			if !errors.Is(err, c.want) || svc.count() != c.sent {
				t.Errorf("got %v after %d requests", err, svc.count())
			}
			if e, ok := errors.AsType[*graphclient.Error](err); ok && e.Claims != c.claims {
				t.Errorf("got claims %q, want %q", e.Claims, c.claims)
			}
		})
	}
}
