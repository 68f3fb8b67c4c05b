package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// signIns are the delegated tokens of people who have signed in: in memory and
// nowhere else, each for the person who got it, until it expires, the person
// signs out, or the host ends. The zero value is ready.
type signIns struct {
	mu   sync.Mutex
	held map[signIn]graphclient.Token
}

// A signIn is a person in a tenant. The host has no sessions of its own: who
// asks is known from each request.
type signIn struct{ user, tenant string }

// maxSignIns is how many tokens are held. They last an hour; one more makes
// room by signing everybody out.
const maxSignIns = 10_000

func (s *signIns) put(actor runs.Actor, tenant string, t graphclient.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil || len(s.held) >= maxSignIns {
		s.held = make(map[signIn]graphclient.Token)
	}
	s.held[signIn{actor.ID, tenant}] = t
}

// get returns the token of a person, zero if there is none that is still good.
func (s *signIns) get(actor runs.Actor, tenant string, now time.Time) graphclient.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.held[signIn{actor.ID, tenant}]
	if !now.Before(t.Expires) {
		delete(s.held, signIn{actor.ID, tenant})
		return graphclient.Token{}
	}
	return t
}

func (s *signIns) drop(actor runs.Actor, tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, signIn{actor.ID, tenant})
}

// demoPeople are the demo's users, as the demo's directory knows them.
func demoPeople(tenants []tenantOption) []graphtest.User {
	var people []graphtest.User
	for _, t := range tenants {
		for _, u := range demoUsers {
			if runs.Role(u.ID).Member() {
				people = append(people, graphtest.User{Tenant: t.id, ID: u.ID, Name: u.ID, Scopes: []string{"GroupMember.Read.All"}})
			}
		}
	}
	return people
}

// signInPatience is how long a sign-in, or a search, may take.
const signInPatience = 10 * time.Second

// signIn gets a delegated token for a person of the demo: the authorization
// code flow with PKCE, which a browser would go through, against the demo's own
// token service, which asks nobody. A real host sends the browser there.
func (h *host) signIn(ctx context.Context, actor runs.Actor, tenant string) (graphclient.Token, error) {
	if !h.opts.demo {
		return graphclient.Token{}, fmt.Errorf("sign in: %w", errors.ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, signInPatience)
	defer cancel()
	id := ""
	for _, t := range h.opts.tenants {
		if t.name == tenant {
			id = t.id
		}
	}
	login := strings.TrimSuffix(strings.ReplaceAll(h.opts.tokenURL, "{tenant}", url.PathEscape(id)), "/token")
	state, verifier := rand.Text(), rand.Text()+rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	const redirect = "http://127.0.0.1/signed-in" // nobody goes there
	form := url.Values{
		"client_id": {h.opts.clientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "state": {state},
		"login_hint": {actor.ID}, "scope": {"https://graph.microsoft.com/GroupMember.Read.All"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	resp, err := ask(ctx, http.MethodGet, login+"/authorize?"+form.Encode(), nil)
	if err != nil {
		return graphclient.Token{}, err
	}
	back, err := url.Parse(resp.location)
	if err != nil || resp.status != http.StatusFound || back.Query().Get("state") != state {
		return graphclient.Token{}, refusedSignIn()
	}
	return redeem(ctx, login+"/token", url.Values{
		"client_id": {h.opts.clientID}, "client_secret": {h.opts.clientSecret.Reveal()}, "grant_type": {"authorization_code"},
		"code": {back.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
}

// redeem changes an authorization code for a token.
func redeem(ctx context.Context, endpoint string, form url.Values) (graphclient.Token, error) {
	asked := time.Now()
	resp, err := ask(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return graphclient.Token{}, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(resp.body, &answer); err != nil || resp.status != http.StatusOK || answer.AccessToken == "" {
		return graphclient.Token{}, refusedSignIn()
	}
	life := min(time.Duration(max(answer.ExpiresIn, 0))*time.Second, time.Hour)
	return graphclient.Token{Value: graphclient.NewSecret(answer.AccessToken), Expires: asked.Add(life)}, nil
}

// A reply is what the token service has answered.
type reply struct {
	status   int
	location string
	body     []byte
}

// ask sends one request to the token service and follows nothing. Errors do not
// repeat the URL.
func ask(ctx context.Context, method, to string, body io.Reader) (reply, error) {
	unreachable := runs.Public(runs.ErrStoreUnavailable, runs.ReasonUnreachable, "The token service cannot be reached. Try again.")
	r, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return reply{}, unreachable
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return reply{}, unreachable
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return reply{}, unreachable
	}
	return reply{resp.StatusCode, resp.Header.Get("Location"), raw}, nil
}

func refusedSignIn() error {
	return fmt.Errorf("sign in: %w", errNotSignedIn)
}
