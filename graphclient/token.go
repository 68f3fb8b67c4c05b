package graphclient

import (
	"context"
	"time"
)

// A TokenSource gets access tokens for Graph. Implementations are safe for
// concurrent use, and cache: a [Client] asks before every request.
//
// Token must honor ctx. An error that wraps [ErrUnauthenticated] means that
// asking again will not help; any other error ends the request as
// [ErrUnreachable]. The error's text is never shown or stored.
type TokenSource interface {
	Token(ctx context.Context, req TokenRequest) (Token, error)
}

// A TokenRequest says which token is wanted.
type TokenRequest struct {
	Tenant string   // the tenant's id or a verified domain
	Scopes []string // for app-only tokens one scope that ends in "/.default"

	// Claims is the claims challenge that Graph answered with, as JSON, or
	// empty. A token for other claims does not satisfy the request.
	Claims string

	// Refused is a token that Graph has just refused, or zero. A source that
	// caches must not answer with it, but may with a newer one: of a thousand
	// requests refused together the first one renews.
	Refused Secret
}

// A Token is an access token.
type Token struct {
	Value   Secret
	Expires time.Time // zero means unknown
}
