package graphclient

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// Config says what a [Client] is made of. Tenant and Tokens are required.
type Config struct {
	// Tenant is the tenant's id or one of its verified domains. The limits of
	// the service are counted per tenant, so use one spelling for one tenant.
	Tenant string

	// Tokens gets the application's tokens.
	Tokens TokenSource

	// Cloud is where the tenant lives; zero means [GlobalCloud]. Its Graph
	// address is the only place that requests and tokens go to.
	Cloud Cloud

	// Limiter paces the requests. Share one among all clients of the process.
	// If nil, the client has one of its own with the default settings.
	Limiter *Limiter

	// Transport sends requests. If nil, a [NewTransport] of the client's own.
	// An [*http.Transport] that does not verify certificates or allows less
	// than TLS 1.2 is refused.
	Transport http.RoundTripper

	// Logger gets a line for every attempt, at level debug, or warn for one
	// that was throttled. Lines hold tenant, bucket, method, status, reason,
	// ids, attempt and duration. If nil, nothing is logged.
	Logger *slog.Logger

	// Observe, if set, is told of every attempt, on the goroutine that made it;
	// it must be quick.
	Observe func(Attempt)

	// UserAgent is the product and version of the host ("Contoso/1.2"); this
	// package's own is appended.
	UserAgent string

	// MaxBody is how many bytes an answer may have after decompression. 0
	// means 32 MiB.
	MaxBody int

	// MaxPages is how many pages a list may have; 0 means 100,000. MaxEmpty is
	// how many of them may be empty in a row; 0 means 50.
	MaxPages, MaxEmpty int

	// MaxAttempts is how often a request that may be repeated is sent when
	// Graph is unreachable or answers 5xx; 0 means 5, 1 means no repetition.
	// Refusals for throttling are not counted: they are waited out for as long
	// as [LimiterConfig].Patience and the context allow.
	MaxAttempts int

	// IdleTimeout is how long to wait for the head of an answer, and again for
	// each further 4 KiB of it. 0 means 2 minutes.
	IdleTimeout time.Duration

	// Parallel is how many batches one call of Batch has under way per
	// service bucket; 0 means 4.
	Parallel int

	// Now reports the time, to understand dates in answers and the age of
	// tokens. If nil, time.Now is used.
	Now func() time.Time
}

// An Attempt is one request that was sent, whatever came of it.
type Attempt struct {
	Bucket    contract.Bucket // the service that it counts with
	Status    int             // of HTTP; 0 if there was no answer
	Reason    Reason          // why it failed; empty if it did not
	Throttled int             // how many were refused for throttling: of a batch, its parts
	Wait      time.Duration   // for the limiter, before
}

// A Client sends requests to the Graph of one tenant with the application's
// own token. It does not search groups, not even by a hand-written $search:
// that is [User.SearchGroups]. It is safe for concurrent use and needs no closing.
type Client struct{ api *api }

// URL returns the address of what is at a path, for bodies of requests that refer
// to other objects by their addresses.
func (c *Client) URL(path string) string { return c.api.origin.String() + versionRoot + path }

// New returns a Client made of cfg. It makes no request.
func New(cfg Config) (*Client, error) {
	if cfg.Tenant == "" || cfg.Tokens == nil {
		return nil, errors.New("graphclient: Config needs a Tenant and Tokens")
	}
	a, err := newAPI(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{a}, nil
}

// Do sends one request and returns the answer, or an [*Error] if there is no
// good one.
//
// Refusals (429) are waited out for every method; a token that Graph refuses
// is renewed once. GET, PUT and DELETE are repeated when the outcome is
// unclear; POST and PATCH are not, and end as [ErrOutcomeUnknown].
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	return c.api.do(ctx, req)
}
