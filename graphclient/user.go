package graphclient

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// How much a search takes and gives.
const (
	maxSearch    = 256 // bytes of text
	defaultFound = 25
)

// A User sends requests with the token of a person who waits for the answer.
// It holds that token in memory for as long as it is itself held, and puts it
// nowhere else. Make one per incoming request and drop it.
//
// A User has what is done only on a person's behalf, and nothing else;
// background work cannot be done with it.
type User struct{ api *api }

// A Group is a group that a search found.
type Group struct {
	ID                    string   `json:"id"`
	DisplayName           string   `json:"displayName"`
	GroupTypes            []string `json:"groupTypes"`
	MembershipRule        string   `json:"membershipRule"`
	MailEnabled           bool     `json:"mailEnabled"`
	SecurityEnabled       bool     `json:"securityEnabled"`
	OnPremisesSyncEnabled bool     `json:"onPremisesSyncEnabled"`
}

// User returns a User that acts in c's tenant with a delegated token, and
// shares c's connections and limits. It refuses an empty token, and one that
// says of itself that it is an application's or for another tenant.
func (c *Client) User(token Secret) (*User, error) {
	return newUser(c.api, token)
}

// SearchGroups returns up to limit groups whose name contains the words of
// text, in Graph's order. A limit below 1 means 25. An empty text finds nothing.
//
// The person's own permissions decide what is found.
func (u *User) SearchGroups(ctx context.Context, text string, limit int) ([]Group, error) {
	return u.api.searchGroups(ctx, text, limit)
}

// newUser returns a User with the parts of a, and token in the place of a's
// own tokens.
func newUser(a *api, token Secret) (*User, error) {
	if token.IsZero() || !plainToken(token.Reveal()) {
		return nil, &Error{Reason: ErrUnauthenticated, Code: "token_form"}
	}
	switch c := claimsOf(token); {
	case c.Type == "app", c.Scopes == "" && len(c.Roles) > 0:
		return nil, &Error{Reason: ErrUnauthenticated, Code: "token_of_app"}
	case c.Tenant != "" && guidForm.MatchString(a.tenant) && !strings.EqualFold(c.Tenant, a.tenant):
		return nil, &Error{Reason: ErrUnauthenticated, Code: "token_of_other_tenant"}
	}
	return &User{&api{
		tenant: a.tenant, tokens: userToken{token}, cloud: a.cloud, origin: a.origin, limiter: a.limiter, rt: a.rt,
		log: a.log, agent: a.agent, body: a.body, budget: a.budget, maxPages: a.maxPages, maxEmpty: a.maxEmpty,
		maxTries: a.maxTries, idle: a.idle, parallel: a.parallel, now: a.now, delegated: true,
	}}, nil
}

// userToken is the source of the one token that there is.
type userToken struct{ token Secret }

func (u userToken) Token(_ context.Context, req TokenRequest) (Token, error) {
	if req.Claims != "" || req.Refused.Equal(u.token) {
		return Token{}, ErrUnauthenticated
	}
	return Token{Value: u.token}, nil
}

// tokenClaims is what a token says of itself. Graph decides what it is good
// for; this is to notice the wrong one early.
type tokenClaims struct {
	Type   string   `json:"idtyp"`
	Scopes string   `json:"scp"`
	Roles  []string `json:"roles"`
	Tenant string   `json:"tid"`
}

// claimsOf reads the claims of a JWT; those of anything else are empty.
func claimsOf(token Secret) (c tokenClaims) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return c
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return tokenClaims{}
	}
	return c
}

func (a *api) searchGroups(ctx context.Context, text string, limit int) ([]Group, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, nil
	case len(text) > maxSearch:
		return nil, invalid(http.MethodGet, "search_too_long")
	case limit < 1:
		limit = defaultFound
	}
	req := Request{
		Path:   contract.GroupSearch(text, limit),
		Header: http.Header{"ConsistencyLevel": {"eventual"}},
	}
	var found []Group
	for page, err := range a.pages(ctx, req, false) {
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			var g Group
			if json.Unmarshal(item, &g) != nil || g.ID == "" {
				return nil, &Error{Reason: ErrBadResponse, Method: http.MethodGet, Code: "not_a_group"}
			}
			if found = append(found, g); len(found) == limit {
				return found, nil
			}
		}
	}
	return found, nil
}
