package graphtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Grant says what a token is for.
type Grant struct {
	Tenant string // required
	Client string // application id; empty means "test"

	// User makes it a delegated token of that object id.
	User string

	// Permissions are its roles or, with a User, its scopes. Nil means those
	// of the registered client or user, or everything.
	Permissions []string

	// Lifetime is how long it is accepted. 0 means Config.TokenLifetime,
	// negative that it is expired already.
	Lifetime time.Duration

	// Claims is the claims request that the token answers.
	Claims string
}

// A token is what the server knows of a bearer token.
type token struct {
	tenant  string
	client  string
	user    string
	roles   []string // nil means everything
	issued  time.Time
	expires time.Time
	claims  string
}

// tokens are all tokens and authorization codes ever issued.
type tokens struct {
	mu      sync.RWMutex
	n       uint64
	byValue map[string]*token
	codes   map[string]*code
	revoked map[string]string // tenant to the claims a new token must carry
}

// IssueToken returns a new bearer token. It reports [ErrNotFound] for an
// unknown tenant.
func (s *Server) IssueToken(g Grant) (string, error) {
	if s.Tenant(g.Tenant) == nil {
		return "", fmt.Errorf("issue token for tenant %q: %w", g.Tenant, ErrNotFound)
	}
	if g.Client == "" {
		g.Client = "test"
	}
	if g.Permissions == nil {
		g.Permissions = s.permissions(g)
	}
	life := g.Lifetime
	if life == 0 {
		life = s.cfg.TokenLifetime
	}
	now := s.cfg.Now()
	t := &token{
		tenant: g.Tenant, client: g.Client, user: g.User, roles: g.Permissions,
		issued: now, expires: now.Add(life), claims: g.Claims,
	}
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.n++
	value := "opaque." + strings.ReplaceAll(guid("token", s.cfg.seedText(), fmt.Sprint(s.tokens.n)), "-", "")
	s.tokens.byValue[value] = t
	return value, nil
}

// permissions are those of the registered client or user.
func (s *Server) permissions(g Grant) []string {
	if g.User != "" {
		for i := range s.cfg.Users {
			if u := &s.cfg.Users[i]; u.ID == g.User && u.Tenant == g.Tenant {
				return u.Scopes
			}
		}
		return nil
	}
	if cl := s.client(g.Client); cl != nil {
		return cl.Roles
	}
	return nil
}

func (s *Server) client(id string) *Client {
	for i := range s.cfg.Clients {
		if s.cfg.Clients[i].ID == id {
			return &s.cfg.Clients[i]
		}
	}
	return nil
}

// RevokeSessions makes every token of a tenant useless until a new one is
// requested with the claims of the challenge that requests get from now on.
// A token requested without them stays useless.
// Source: graph.md section 3.9, continuous access evaluation.
func (s *Server) RevokeSessions(tenant string) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.n++
	claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, s.cfg.Now().Unix()+int64(s.tokens.n))
	s.tokens.revoked[tenant] = claims
}

// ExpireTokens makes all tokens issued so far expired.
func (s *Server) ExpireTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	now := s.cfg.Now()
	for _, t := range s.tokens.byValue {
		t.expires = now
	}
}

// authenticate finds the token of a request. problem says why the request is
// refused; challenge is not empty when the token is good but a claims
// challenge stands in the way.
func (s *Server) authenticate(header string) (t *token, challenge, problem string) {
	scheme, value, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return nil, "", "Access token is empty."
	}
	s.tokens.mu.RLock()
	defer s.tokens.mu.RUnlock()
	t = s.tokens.byValue[strings.TrimSpace(value)]
	switch {
	case t == nil:
		return nil, "", "CompactToken parsing failed with error code: 80049217"
	case !s.cfg.Now().Before(t.expires):
		return t, "", "Lifetime validation failed, the token is expired."
	}
	if want := s.tokens.revoked[t.tenant]; want != "" && t.claims != want {
		return t, base64.StdEncoding.EncodeToString([]byte(want)), ""
	}
	return t, "", ""
}

// consents reports whether a client may get tokens of a tenant.
func (c *Client) consents(tenant string) bool {
	return c.Tenants == nil || slices.Contains(c.Tenants, tenant)
}
