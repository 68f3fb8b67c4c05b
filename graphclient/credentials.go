package graphclient

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// CredentialsConfig says how [ClientCredentials] gets tokens. ClientID and
// Secret are required.
type CredentialsConfig struct {
	ClientID string
	Secret   Secret

	// Cloud is where tokens are issued, and for which Graph; zero means
	// [GlobalCloud].
	Cloud Cloud

	// TokenURL replaces Cloud's own token endpoint. "{tenant}" in it stands
	// for the tenant of the request. Plain http is for loopback only.
	TokenURL string

	// Transport sends requests; see [Config].Transport. If nil, a
	// [NewTransport] of its own.
	Transport http.RoundTripper

	// Logger gets a line at level warn for every attempt that failed. If nil,
	// nothing is logged.
	Logger *slog.Logger

	// Timeout is how long one attempt may take; 0 means 20 seconds. Patience is
	// how long attempts are made before the requests that wait are told; 0
	// means 2 minutes. Requests whose context ends sooner do not wait for it, and
	// nobody does again for a minute after the latest attempt has failed: then
	// one attempt a second decides.
	Timeout  time.Duration
	Patience time.Duration

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

// ClientCredentials is a [TokenSource] for applications with a secret: the
// OAuth 2.0 client credentials grant. Applications with a certificate or a
// managed identity bring a TokenSource of their own.
//
// It is not built on golang.org/x/oauth2, whose sources take no claims, and
// keep one token for one set of parameters.
//
// Tokens are kept in memory by tenant, scopes and claims, one source being one
// cloud and one client, and are renewed five minutes before they expire, which
// nobody has to wait for.
// However many requests need the same token, one request is made for it.
// Tokens are asked for with the capability cp1, which this package's client
// has: Graph may revoke them at once, by a claims challenge.
type ClientCredentials struct {
	client   string
	secret   Secret
	endpoint func(tenant string) (*url.URL, error)
	rt       http.RoundTripper
	log      *slog.Logger
	timeout  time.Duration
	patience time.Duration
	now      func() time.Time
	flights  singleflight.Group

	mu      sync.Mutex
	tokens  map[tokenKey]keptToken
	outages map[tokenKey]outage
}

// A keptToken is a token that serves until it is time for the next.
type keptToken struct {
	Token
	renew time.Time
}

// An outage is how the latest attempt failed to get a token, after the token
// service had had its time.
type outage struct {
	is     Error
	at     time.Time
	probed bool // it was a single attempt
}

// While an outage is younger than outageTime nobody waits for the service to come
// back: there is one attempt at most every probeTime.
const (
	outageTime = time.Minute
	probeTime  = time.Second
)

// A tokenKey is what a token is good for. The client and the cloud are those
// of the source.
type tokenKey struct{ tenant, scopes, claims string }

// When tokens are renewed: renewBefore they expire, or when half of a shorter
// life is over. Until lastUse before they expire nobody waits for that.
const (
	renewBefore = 5 * time.Minute
	lastUse     = 10 * time.Second
)

// NewClientCredentials returns a ClientCredentials made of cfg. It makes no
// request.
func NewClientCredentials(cfg CredentialsConfig) (*ClientCredentials, error) {
	if cfg.ClientID == "" || cfg.Secret.IsZero() {
		return nil, errors.New("graphclient: CredentialsConfig needs a ClientID and a Secret")
	}
	endpoint, err := tokenEndpoint(cfg)
	if err != nil {
		return nil, err
	}
	rt, err := checkTransport(cfg.Transport)
	if err != nil {
		return nil, err
	}
	s := &ClientCredentials{
		client: cfg.ClientID, secret: cfg.Secret, endpoint: endpoint, rt: rt, log: cfg.Logger, now: cfg.Now,
		timeout: orDefault(cfg.Timeout, 20*time.Second), patience: orDefault(cfg.Patience, 2*time.Minute),
		tokens: map[tokenKey]keptToken{}, outages: map[tokenKey]outage{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now //nolint:forbidigo // the one default
	}
	return s, nil
}

// tokenEndpoint returns where the tokens for a tenant are asked for.
func tokenEndpoint(cfg CredentialsConfig) (func(tenant string) (*url.URL, error), error) {
	raw := cfg.TokenURL
	if raw == "" {
		raw = strings.TrimSuffix(cfg.Cloud.orGlobal().Login, "/") + "/{tenant}/oauth2/v2.0/token"
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	host, path, _ := strings.Cut(rest, "/")
	o, err := parseOrigin("token", scheme+"://"+host)
	if err != nil {
		return nil, err
	}
	build := func(tenant string) (*url.URL, error) {
		if !plainHost(tenant) {
			return nil, &Error{Reason: ErrUnauthenticated, Code: "tenant_form"}
		}
		u, e := o.url("/" + strings.ReplaceAll(path, "{tenant}", tenant))
		if e != nil {
			return nil, &Error{Reason: ErrUnauthenticated, Code: "token_url"}
		}
		return u, nil
	}
	if _, err := build("tenant"); err != nil {
		return nil, errors.New("graphclient: the token address is not a plain URL")
	}
	return build, nil
}

// Token implements [TokenSource].
func (s *ClientCredentials) Token(ctx context.Context, req TokenRequest) (Token, error) {
	key := tokenKey{req.Tenant, strings.Join(req.Scopes, " "), req.Claims}
	var t keptToken
	for range 2 {
		var fresh bool
		if t, fresh = s.kept(key, req.Refused); fresh {
			return t.Token, nil
		}
		// The request goes on when who waits for it leaves, or does not need to.
		flight := s.flights.DoChan(strings.Join([]string{key.tenant, key.scopes, key.claims}, "\x00"), func() (any, error) {
			return s.renew(context.WithoutCancel(ctx), key, req.Refused)
		})
		if t.Expires.After(s.now().Add(lastUse)) {
			return t.Token, nil
		}
		select {
		case <-ctx.Done():
			return Token{}, ctx.Err()
		case r := <-flight:
			if r.Err != nil {
				return Token{}, r.Err
			}
			t, _ = r.Val.(keptToken)
		}
		if !t.Value.Equal(req.Refused) {
			break
		}
		// A flight that began before the refusal brought the refused token.
	}
	return t.Token, nil
}

// kept returns the token that is kept for key, if it is not the refused one,
// and whether it is not yet time to renew it.
func (s *ClientCredentials) kept(key tokenKey, refused Secret) (keptToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[key]
	if t.Value.IsZero() || t.Value.Equal(refused) {
		return keptToken{}, false
	}
	return t, t.renew.After(s.now())
}

// renew gets a token and keeps it, unless somebody has just done so.
func (s *ClientCredentials) renew(ctx context.Context, key tokenKey, refused Secret) (keptToken, error) {
	if t, fresh := s.kept(key, refused); fresh {
		return t, nil
	}
	s.mu.Lock()
	out, down := s.outages[key]
	s.mu.Unlock()
	since := s.now().Sub(out.at)
	if down = down && since < outageTime; down && out.probed && since < probeTime {
		return keptToken{}, &out.is
	}
	t, err := s.ask(ctx, key, down)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != ErrUnauthenticated {
		s.outages[key] = outage{*e, s.now(), down}
	} else {
		delete(s.outages, key)
	}
	if err != nil {
		return keptToken{}, err
	}
	// Every claims challenge makes a new key.
	maps.DeleteFunc(s.tokens, func(_ tokenKey, t keptToken) bool { return t.Expires.Before(s.now()) })
	s.tokens[key] = t
	return t, nil
}
