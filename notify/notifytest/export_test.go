package notifytest

import (
	"context"

	"github.com/tenantatlas/tenantatlas/notify"
)

// A Promise is one that the suite checks, of an inbox, an outbox or a notifier.
type Promise[S any] struct {
	Name, Text string
	Check      func(ctx context.Context, s S) error
}

// InboxPromises returns all of [notify.Inbox].
func InboxPromises() []Promise[notify.Inbox] { return export(inboxPromises) }

// OutboxPromises returns all of [notify.Outbox].
func OutboxPromises() []Promise[notify.Outbox] { return export(outboxPromises) }

// NotifierPromises returns all of [notify.Notifier].
func NotifierPromises() []Promise[Receiver] { return export(notifierPromises) }

func export[S any](promises []promise[S]) (all []Promise[S]) {
	for _, p := range promises {
		all = append(all, Promise[S]{p.name, p.text, p.check})
	}
	return all
}
