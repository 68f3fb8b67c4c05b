package notifytest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A hall is a receiver within the process, and its notifier.
type hall struct {
	wire wire

	mu     sync.Mutex
	answer notifytest.Answer
	text   string
	taken  []notifytest.Taken
}

// A wire does one thing otherwise than it should, between notifier and receiver.
type wire func(ctx context.Context, m *notify.Message, send func(context.Context) error) error

func (h *hall) Notifier() notify.Notifier { return h }

func (h *hall) Answer(a notifytest.Answer, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer, h.text = a, text
}

func (h *hall) Taken() []notifytest.Taken {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

func (h *hall) Notify(ctx context.Context, m notify.Message) error {
	return h.wire(ctx, &m, func(ctx context.Context) error { return h.arrive(ctx, m) })
}

func (h *hall) arrive(ctx context.Context, m notify.Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.answer {
	case notifytest.Takes:
		h.taken = append(h.taken, notifytest.Taken{ID: m.Delivery, Content: fmt.Sprintln(m.Title, m.Body, m.URL)})
		return nil
	case notifytest.Postpones:
		return runs.Public(nil, runs.ReasonThrottled, "")
	case notifytest.Refuses:
		return runs.Public(notify.ErrRejected, runs.ReasonGone, "")
	case notifytest.HangsUp:
		return runs.Public(nil, runs.ReasonUnreachable, "")
	case notifytest.IsSilent:
		<-ctx.Done()
		return ctx.Err()
	}
	return errors.New("no such answer")
}

// The suite lets a sound notifier pass.
func TestNotifier(t *testing.T) {
	notifytest.TestNotifier(t, func(testing.TB) notifytest.Receiver {
		return &hall{wire: func(ctx context.Context, _ *notify.Message, send func(context.Context) error) error { return send(ctx) }}
	})
}

func notifierSaboteurs() map[string]wire {
	return map[string]wire{
		"taken": func(ctx context.Context, m *notify.Message, send func(context.Context) error) error {
			m.Body = ""
			return send(ctx)
		},
		"again": func(ctx context.Context, m *notify.Message, send func(context.Context) error) error {
			m.Delivery = m.ID
			return send(ctx)
		},
		"postponed": func(ctx context.Context, _ *notify.Message, send func(context.Context) error) error {
			if err := send(ctx); err != nil {
				return runs.Public(fmt.Errorf("%w: %w", err, notify.ErrRejected), runs.ReasonThrottled, "")
			}
			return nil
		},
		"refused": func(ctx context.Context, _ *notify.Message, send func(context.Context) error) error {
			if err := send(ctx); err != nil {
				return runs.Public(fmt.Errorf("password=hunter2: %w", err), runs.ReasonGone, "")
			}
			return nil
		},
		"hung-up": func(ctx context.Context, _ *notify.Message, send func(context.Context) error) error {
			if err := send(ctx); err != nil {
				return errors.New("it hung up")
			}
			return nil
		},
		"silent": func(ctx context.Context, _ *notify.Message, send func(context.Context) error) error {
			_ = send(ctx)
			return nil
		},
		"concurrent": func(ctx context.Context, m *notify.Message, send func(context.Context) error) error {
			if m.Run.ID == "r07" {
				return nil
			}
			return send(ctx)
		},
	}
}
