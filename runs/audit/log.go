package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Config says what a [Log] is made of. Store and Keys are required.
type Config struct {
	Store Store

	// Keys seal entries: the first one seals new ones, and all of them open
	// what is there. To rotate, put a new key in front, first everywhere behind
	// the old one if several processes share the store. A key can be left out
	// once no entry and no checkpoint that is kept has its ID.
	Keys []Key

	// Timeout is how long an entry may take; 0 means 1 s. What depends on it is
	// refused afterwards.
	Timeout time.Duration

	// Logger gets what could not be recorded. If nil, nobody does.
	Logger *slog.Logger

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// A Log records entries and reads them. Its methods are safe for concurrent
// use. It asks for no rights; its callers do.
type Log struct {
	cfg  Config
	ring ring

	mu     sync.Mutex
	chains map[string]*chain
}

// New returns a Log made of cfg, or an error that says what is wrong with it.
// It starts nothing and reads nothing.
func New(cfg Config) (*Log, error) {
	if cfg.Store == nil {
		return nil, errors.New("audit: Config.Store is missing; memaudit.New() keeps entries in memory")
	}
	ring, err := newRing(cfg.Keys)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 {
		return nil, errors.New("audit: Config.Timeout is negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	return &Log{cfg: cfg, ring: ring, chains: make(map[string]*chain)}, nil
}

// NewKey returns a new key with this ID.
func NewKey(id string) Key {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	return Key{ID: id, Secret: secret}
}

// Record adds an entry to the chain of e.Tenant and returns once it is stored;
// Seq and At are filled in. Texts are made printable and cut, facts are
// sanitized; no secret belongs into them all the same. After an error the entry
// may have been recorded nevertheless. It reports [runs.ErrInvalid] for an entry
// without a tenant or an event, and [ErrBroken] if nobody vouches for the end of
// the chain.
func (l *Log) Record(ctx context.Context, e Entry) error {
	e, err := clean(e)
	if err == nil {
		ctx, cancel := context.WithTimeoutCause(ctx, l.cfg.Timeout, errSlow)
		defer cancel()
		if err = l.queue(ctx, e); err != nil && errors.Is(context.Cause(ctx), errSlow) {
			err = errSlow
		}
	}
	if err != nil {
		return fmt.Errorf("record %s: %w", e.Event, err)
	}
	return nil
}

var errSlow = fmt.Errorf("%w: no answer in time", runs.ErrStoreUnavailable)

// Checkpoint returns a checkpoint of the last entry of a tenant, or the zero
// one if there is none. Kept elsewhere, it lets [Log.Verify] find that entries
// up to it are not there any more.
func (l *Log) Checkpoint(ctx context.Context, tenant string) (Checkpoint, error) {
	h, err := l.head(ctx, tenant)
	var c Checkpoint
	if err == nil {
		c, err = l.ring.checked(h.Last, kindLast, tenant)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

func (l *Log) head(ctx context.Context, tenant string) (Head, error) {
	if !ValidTenant(tenant) {
		return Head{}, fmt.Errorf("%w: no such name of a tenant", runs.ErrInvalid)
	}
	return l.cfg.Store.Head(ctx, tenant)
}
