package graphclient

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// agent is what this package calls itself in User-Agent.
const agent = "tenantatlas-graphclient/1"

// api is what Client and User share: one tenant, one source of tokens.
type api struct {
	tenant   string
	tokens   TokenSource
	cloud    Cloud
	origin   origin
	limiter  *Limiter
	rt       http.RoundTripper
	log      *slog.Logger
	observe  func(Attempt)
	agent    string
	body     *bodyReader
	budget   *budget
	maxPages int
	maxEmpty int
	maxTries int
	idle     time.Duration
	parallel int
	now      func() time.Time

	delegated bool // tokens are a person's

	mu     sync.Mutex
	claims string // of the last challenge, for every token from then on
}

// newAPI returns an api made of cfg, whose required fields are there.
func newAPI(cfg Config) (*api, error) {
	cloud := cfg.Cloud.orGlobal()
	o, err := parseOrigin("Graph", cloud.Graph)
	if err != nil {
		return nil, err
	}
	rt, err := checkTransport(cfg.Transport)
	if err != nil {
		return nil, err
	}
	limiter := cfg.Limiter
	if limiter == nil {
		if limiter, err = NewLimiter(LimiterConfig{Now: cfg.Now}); err != nil {
			return nil, err
		}
	}
	a := &api{
		tenant:   cfg.Tenant,
		tokens:   cfg.Tokens,
		cloud:    cloud,
		origin:   o,
		limiter:  limiter,
		rt:       rt,
		log:      cfg.Logger,
		observe:  cfg.Observe,
		agent:    agent,
		body:     &bodyReader{max: orDefault(cfg.MaxBody, 32<<20)},
		budget:   &budget{left: budgetFull},
		maxPages: orDefault(cfg.MaxPages, 100_000),
		maxEmpty: orDefault(cfg.MaxEmpty, 50),
		maxTries: orDefault(cfg.MaxAttempts, 5),
		idle:     orDefault(cfg.IdleTimeout, 2*time.Minute),
		parallel: orDefault(cfg.Parallel, 4),
		now:      cfg.Now,
	}
	if cfg.UserAgent != "" {
		if !plainHeader(cfg.UserAgent) {
			return nil, invalid("", "user_agent")
		}
		a.agent = cfg.UserAgent + " " + agent
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now //nolint:forbidigo // the one default
	}
	return a, nil
}

// orDefault returns n, or def if n is not positive.
func orDefault[T int | time.Duration](n, def T) T {
	if n > 0 {
		return n
	}
	return def
}

// currentClaims returns the claims that Graph asked for last.
func (a *api) currentClaims() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.claims
}

func (a *api) challenge(claims string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claims = claims
}
