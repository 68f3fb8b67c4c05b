package notifytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// An Answer is how a [Receiver] treats what arrives.
type Answer int

// The answers.
const (
	Takes     Answer = iota // it is taken
	Postpones               // the receiver asks to come again later
	Refuses                 // the receiver will never take it
	HangsUp                 // the connection ends without an answer
	IsSilent                // there is no answer while the notifier waits
)

// A Receiver is what a test of a notifier has at the other end: a server that
// does as it is told. It takes everything until it is told otherwise. Its
// methods are safe for concurrent use.
type Receiver interface {
	// Notifier returns the notifier that reaches the receiver.
	Notifier() notify.Notifier

	// Answer says how to treat what arrives from now on. Answers that have a
	// text have this one.
	Answer(a Answer, text string)

	// Taken returns what was taken so far.
	Taken() []Taken
}

// Taken is a message as its receiver has it.
type Taken struct {
	ID      string // by which the receiver knows a message that comes again
	Content string // all of it, decoded
}

// TestNotifier checks that notifiers keep every promise of [notify.Notifier]. It
// calls open once for each promise.
func TestNotifier(t *testing.T, open func(t testing.TB) Receiver) {
	checkAll(t, notifierPromises, open)
}

// message returns a message about a run.
func message(run string) notify.Message {
	n := full()
	n.Run.ID = run
	n.Target.Name = "Größe A"
	n.ID = n.Identify()
	return notify.Message{
		Delivery: "ops/" + n.ID, Notification: n, Text: notify.Presenter{}.Present(n),
		URL: "https://ops.example/t/acme/runs/" + run,
	}
}

// secret is what a receiver says and nobody may repeat.
const secret = "password=hunter2"

// taken checks that the receiver has a message of each run, and no other.
func taken(r Receiver, from ...string) error {
	var got []string
	for _, each := range r.Taken() {
		for _, run := range from {
			if strings.Contains(each.Content, message(run).URL) {
				got = append(got, run)
			}
		}
	}
	slices.Sort(got)
	if len(r.Taken()) != len(from) {
		return fmt.Errorf("the receiver has %d messages, want %d", len(r.Taken()), len(from))
	}
	return want("the runs of what was taken", from, got)
}

// unanswered checks the error of a notifier whose message was not taken.
func unanswered(err error, rejected bool) error {
	if err == nil {
		return errors.New("there is no error")
	}
	if errors.Is(err, notify.ErrRejected) != rejected {
		return fmt.Errorf("that it is ErrRejected is %t: %w", !rejected, err)
	}
	if f, _ := runs.FailureOf(err); f.Reason == runs.ReasonInternal {
		return fmt.Errorf("it has no reason, declare one with runs.Public: %w", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		return fmt.Errorf("it repeats what the receiver said: %w", err)
	}
	return nil
}

var notifierPromises = []promise[Receiver]{
	{
		name: "taken",
		text: "Notify returns when the message was taken, with its title, its text and its address",
		check: func(ctx context.Context, r Receiver) error {
			m := message("r1")
			if err := r.Notifier().Notify(ctx, m); err != nil {
				return err
			}
			for _, part := range []string{m.Title, m.Body, m.URL} {
				if got := r.Taken(); len(got) != 1 || !strings.Contains(got[0].Content, part) {
					return fmt.Errorf("the receiver has %s, want one message with %q", text(got), part)
				}
			}
			return nil
		},
	},
	{
		name: "again",
		text: "a delivery that comes again can be recognised, and told from any other",
		check: func(ctx context.Context, r Receiver) error {
			other := message("r1")
			other.Delivery = "dev/" + other.ID
			for _, m := range []notify.Message{message("r1"), message("r1"), message("r2"), other} {
				if err := r.Notifier().Notify(ctx, m); err != nil {
					return err
				}
			}
			ids := map[string]int{}
			for _, got := range r.Taken() {
				ids[got.ID]++
			}
			if first := r.Taken()[0].ID; len(ids) != 3 || ids[first] != 2 || first == "" {
				return fmt.Errorf("the IDs are %v, want the first twice and two others", ids)
			}
			return nil
		},
	},
	{
		name: "postponed",
		text: "a message that is to come later is an error with a reason that is not ErrRejected, and can be sent again",
		check: func(ctx context.Context, r Receiver) error {
			r.Answer(Postpones, secret)
			return first(
				func() error { return unanswered(r.Notifier().Notify(ctx, message("r1")), false) },
				func() error { r.Answer(Takes, ""); return taken(r) },
				func() error { return r.Notifier().Notify(ctx, message("r1")) },
				func() error { return taken(r, "r1") },
			)
		},
	},
	{
		name: "refused",
		text: "a message that its receiver will never take is ErrRejected, with a reason",
		check: func(ctx context.Context, r Receiver) error {
			r.Answer(Refuses, secret)
			return first(
				func() error { return unanswered(r.Notifier().Notify(ctx, message("r1")), true) },
				func() error { return taken(r) },
			)
		},
	},
	{
		name: "hung-up",
		text: "a connection that ends without an answer is an error with a reason that is not ErrRejected",
		check: func(ctx context.Context, r Receiver) error {
			r.Answer(HangsUp, secret)
			return first(
				func() error { return unanswered(r.Notifier().Notify(ctx, message("r1")), false) },
				func() error { r.Answer(Takes, ""); return r.Notifier().Notify(ctx, message("r2")) },
				func() error { return taken(r, "r2") },
			)
		},
	},
	{
		name: "silent",
		text: "Notify returns soon after ctx has ended, with an error that is not ErrRejected",
		check: func(ctx context.Context, r Receiver) error {
			r.Answer(IsSilent, secret)
			short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- r.Notifier().Notify(short, message("r1")) }()
			select {
			case err := <-done:
				return unanswered(err, false)
			case <-time.After(20 * time.Second):
				return errors.New("it waits for the receiver")
			}
		},
	},
	{
		name: "concurrent",
		text: "of any number of concurrent calls each delivers its message",
		check: func(ctx context.Context, r Receiver) error {
			var group sync.WaitGroup
			var all []string
			errs := make([]error, 12)
			for i := range errs {
				run := fmt.Sprintf("r%02d", i)
				all = append(all, run)
				group.Go(func() { errs[i] = r.Notifier().Notify(ctx, message(run)) })
			}
			group.Wait()
			return errors.Join(errors.Join(errs...), taken(r, all...))
		},
	},
}
