package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A Channel is one way out.
type Channel struct {
	Name     string // of lower-case letters, digits, '-' and '_'; kept with what is to be delivered
	Notifier Notifier

	// Wants says which notifications go through the channel. If nil, all do.
	Wants func(n Notification) bool
}

// CourierConfig says what a [Courier] delivers, and how. Outbox and Channels are
// required; every zero field has the meaning given with it.
type CourierConfig struct {
	Outbox   Outbox
	Channels []Channel

	// Presenter words the messages.
	Presenter Presenter

	// RunURL returns the address of the page that shows a run. If nil, messages
	// have none.
	RunURL func(ref runs.Ref) string

	// Attempts is how often a delivery is tried before it is given up; 0 means
	// 12 times, which takes about four hours.
	Attempts int

	// Timeout is what one attempt may take; 0 means 30 s.
	Timeout time.Duration

	// Pause is how long to wait after the first failed attempt, and twice as
	// long after each further one, up to an hour, more or less a quarter; 0
	// means 15 s.
	Pause time.Duration

	// Look is how often Run looks for deliveries that are due; 0 means 5 s. What
	// this process enqueues itself is delivered at once.
	Look time.Duration

	// Logger gets the texts of errors, which are not kept. If nil, nobody does.
	Logger *slog.Logger

	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// A Courier delivers what is in an [Outbox]. Any number of processes may have
// one with the same outbox. Its methods are safe for concurrent use.
type Courier struct {
	cfg  CourierConfig
	rung map[string]chan struct{} // by channel: there is something to take
}

// batch is how many deliveries of a channel are under way at once.
const batch = 16

// maxPause is the longest wait between two attempts.
const maxPause = time.Hour

// NewCourier returns a Courier made of cfg, or an error that says what is wrong
// with it. It starts nothing; see [Courier.Run].
func NewCourier(cfg CourierConfig) (*Courier, error) {
	switch {
	case cfg.Outbox == nil:
		return nil, errors.New("notify: CourierConfig.Outbox is missing")
	case len(cfg.Channels) == 0:
		return nil, errors.New("notify: CourierConfig.Channels is empty")
	case cfg.Attempts < 0 || cfg.Timeout < 0 || cfg.Pause < 0 || cfg.Look < 0:
		return nil, errors.New("notify: a number in CourierConfig is negative")
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 12
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Pause == 0 {
		cfg.Pause = 15 * time.Second
	}
	if cfg.Look == 0 {
		cfg.Look = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	cfg.Channels = slices.Clone(cfg.Channels)
	c := &Courier{cfg: cfg, rung: make(map[string]chan struct{})}
	for _, ch := range cfg.Channels {
		if err := checkChannel(ch.Name); err != nil {
			return nil, fmt.Errorf("notify: channel %q: %w", ch.Name, err)
		}
		if ch.Notifier == nil {
			return nil, fmt.Errorf("notify: channel %s has no Notifier", ch.Name)
		}
		if c.rung[ch.Name] != nil {
			return nil, fmt.Errorf("notify: there are two channels %s", ch.Name)
		}
		c.rung[ch.Name] = make(chan struct{}, 1)
	}
	return c, nil
}

// Enqueue keeps n for delivery through every channel that wants it. What was
// enqueued before is not delivered again.
func (c *Courier) Enqueue(ctx context.Context, n Notification) error {
	now := runs.Instant(c.cfg.Now())
	var add []Delivery
	for _, ch := range c.cfg.Channels {
		if ch.Wants == nil || ch.Wants(n) {
			add = append(add, Delivery{Channel: ch.Name, Notification: n, State: DeliveryPending, NextAt: now, CreatedAt: now})
		}
	}
	if len(add) == 0 {
		return nil
	}
	if err := c.cfg.Outbox.Add(ctx, add...); err != nil {
		return fmt.Errorf("enqueue a notification: %w", err)
	}
	for _, d := range add {
		select {
		case c.rung[d.Channel] <- struct{}{}:
		default:
		}
	}
	return nil
}

// Run delivers until ctx ends; then it returns nil. Attempts that are under way
// are ended, and made again by whoever runs next. The channels do not wait for
// each other.
func (c *Courier) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, ch := range c.cfg.Channels {
		group.Go(func() { c.serve(ctx, ch) })
	}
	group.Wait()
	return nil
}

// serve looks after one channel.
func (c *Courier) serve(ctx context.Context, ch Channel) {
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.rung[ch.Name]:
		case <-look.C:
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = c.deliver(ctx, ch); err != nil && ctx.Err() == nil {
				c.cfg.Logger.WarnContext(ctx, "look for deliveries failed", "channel", ch.Name, "error", err)
			}
		}
		// Uneven, so that processes that started together drift apart.
		look.Reset(c.cfg.Look*3/4 + rand.N(c.cfg.Look/2+1))
	}
}

// deliver makes one attempt at each of a batch of deliveries that are due, and
// reports whether there may be more.
func (c *Courier) deliver(ctx context.Context, ch Channel) (more bool, err error) {
	now := runs.Instant(c.cfg.Now())
	due, err := c.cfg.Outbox.Take(ctx, Taking{
		Channel: ch.Name,
		Now:     now,
		Until:   now.Add(2 * c.cfg.Timeout), // the second one is for the record
		Limit:   batch,
	})
	if err != nil {
		return false, err
	}
	var group sync.WaitGroup
	for _, d := range due {
		group.Go(func() { c.attempt(ctx, ch, d) })
	}
	group.Wait()
	return len(due) == batch, nil
}

// attempt makes one attempt and records what became of it.
func (c *Courier) attempt(ctx context.Context, ch Channel, d Delivery) {
	// A delivery that was taken too often has ended every process that tried.
	err := runs.Public(ErrRejected, runs.ReasonWorkerLost, "")
	if d.Attempt <= c.cfg.Attempts {
		err = c.notify(ctx, ch, d)
	}
	if err != nil && ctx.Err() != nil {
		return // the process stops; that says nothing about the receiver
	}
	now := runs.Instant(c.cfg.Now())
	d.State, d.SettledAt = DeliveryDelivered, now
	if err != nil {
		failure, id := runs.FailureOf(err)
		c.cfg.Logger.WarnContext(ctx, "delivery failed", "channel", ch.Name, "delivery", d.ID(), "attempt", d.Attempt, "id", id, "error", err)
		d.Reason = failure.Reason
		if d.State = DeliveryGivenUp; d.Attempt < c.cfg.Attempts && !errors.Is(err, ErrRejected) {
			d.State, d.SettledAt, d.NextAt = DeliveryPending, time.Time{}, now.Add(c.pause(d.Attempt))
		}
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout/2)
	defer cancel()
	if err := c.cfg.Outbox.Settle(sctx, d); err != nil {
		c.cfg.Logger.WarnContext(ctx, "delivery was not recorded", "channel", ch.Name, "delivery", d.ID(), "error", err)
	}
}

// notify calls the notifier, and makes an error of a panic.
func (c *Courier) notify(ctx context.Context, ch Channel, d Delivery) (err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			c.cfg.Logger.ErrorContext(ctx, "notifier panicked", "channel", ch.Name, "delivery", d.ID(), "panic", v)
			err = runs.Public(nil, runs.ReasonPanic, "")
		}
	}()
	m := Message{
		Delivery: d.ID(), Notification: d.Notification,
		Text: c.cfg.Presenter.Present(d.Notification), Language: c.cfg.Presenter.Language,
	}
	if c.cfg.RunURL != nil {
		m.URL = c.cfg.RunURL(m.Run)
	}
	return ch.Notifier.Notify(ctx, m)
}

// pause is how long to wait after the nth failed attempt.
func (c *Courier) pause(attempt int) time.Duration {
	wait := c.cfg.Pause
	for range attempt - 1 {
		if wait *= 2; wait >= maxPause {
			wait = maxPause
			break
		}
	}
	return wait*3/4 + rand.N(wait/2+1)
}
