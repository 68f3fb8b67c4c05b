package natsruns

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ runs.Dispatcher = (*Dispatcher)(nil)
	_ runs.Worker     = (*Dispatcher)(nil)
)

// Config says where a [Dispatcher] has its messages, and how many runs it
// executes at a time. JetStream is required.
type Config struct {
	// JetStream is the server. Its connection stays the caller's to close, after
	// Work has returned.
	JetStream jetstream.JetStream

	// Stream is the name of the stream; empty means "RUNS". Processes that
	// execute different types of runs need streams of their own.
	Stream string

	// Consumer is the name of the stream's durable consumer, which all processes
	// share; empty means "workers".
	Consumer string

	// Workers is how many runs this process executes at a time; 0 or less means
	// GOMAXPROCS.
	Workers int

	// Logger gets the panics that a worker survived, the claims that failed, and
	// the troubles with the server. If nil, nobody does.
	Logger *slog.Logger
}

// A Dispatcher is a [runs.Dispatcher] and a [runs.Worker] whose references are
// carried by JetStream to this process or to another one with the same stream.
type Dispatcher struct {
	cfg     Config
	subject string
	working atomic.Bool
}

// New returns a Dispatcher made of cfg, or an error that says what is wrong
// with it. It does not reach for the server; see [Dispatcher.Ensure] and
// [Dispatcher.Work].
func New(cfg Config) (*Dispatcher, error) {
	cfg.Stream = cmp.Or(cfg.Stream, "RUNS")
	cfg.Consumer = cmp.Or(cfg.Consumer, "workers")
	const special = ">*. /\\\t\r\n"
	switch {
	case cfg.JetStream == nil:
		return nil, errors.New("natsruns: Config.JetStream is missing")
	case strings.ContainsAny(cfg.Stream, special):
		return nil, fmt.Errorf("natsruns: Config.Stream is %q; a name has no dots, spaces, slashes or wildcards", cfg.Stream)
	case strings.ContainsAny(cfg.Consumer, special):
		return nil, fmt.Errorf("natsruns: Config.Consumer is %q; a name has no dots, spaces, slashes or wildcards", cfg.Consumer)
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{cfg: cfg, subject: cfg.Stream + ".ref"}, nil
}

// ackWait is how long the server waits for an acknowledgment. A claim that
// takes longer is no harm, since the second one finds nothing to do.
const ackWait = 10 * time.Second

// Ensure creates the stream and its consumer if they are not there, and changes
// nothing about them if they are. It may run in several processes at once.
// Nothing else creates them.
func (d *Dispatcher) Ensure(ctx context.Context) error {
	stream, err := d.cfg.JetStream.Stream(ctx, d.cfg.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = d.cfg.JetStream.CreateStream(ctx, jetstream.StreamConfig{
			Name:        d.cfg.Stream,
			Description: "references of queued runs",
			Subjects:    []string{d.subject},
			Retention:   jetstream.WorkQueuePolicy,
			Discard:     jetstream.DiscardNew,
			Storage:     jetstream.FileStorage,
		})
	}
	if err != nil {
		return fmt.Errorf("ensure stream %s: %w", d.cfg.Stream, err)
	}
	_, err = stream.Consumer(ctx, d.cfg.Consumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		_, err = stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
			Durable:   d.cfg.Consumer,
			AckPolicy: jetstream.AckExplicitPolicy,
			AckWait:   ackWait,
			// Those that are put off must not be in the way of the others.
			MaxDeliver:    -1,
			MaxAckPending: -1,
		})
	}
	if err != nil {
		return fmt.Errorf("ensure consumer %s of stream %s: %w", d.cfg.Consumer, d.cfg.Stream, err)
	}
	return nil
}

// A message is what the stream keeps of a reference.
type message struct {
	Tenant string    `json:"tenant"`
	ID     string    `json:"id"`
	Type   runs.Type `json:"type"`
}

// storeFailed is the server's code for a stream that has reached a limit.
const storeFailed jetstream.ErrorCode = 10077

const (
	// publishTimeout is how long Dispatch tries if its context allows it.
	publishTimeout = 5 * time.Second

	// publishTry is how long it waits before it publishes again, and twice as
	// long each time after that. What was under way when a server went down is
	// not answered by the one that comes up.
	publishTry = 100 * time.Millisecond
)

// Dispatch publishes ref and waits until the stream has it. It reports
// [runs.ErrFull] when the stream has reached a limit of its own, and another
// error when the server does not answer before ctx ends, or within 5 s.
func (d *Dispatcher) Dispatch(ctx context.Context, ref runs.Ref) error {
	data, err := json.Marshal(message{ref.Tenant, ref.ID, ref.Type})
	if err != nil {
		return fmt.Errorf("encode reference: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	for try := publishTry; ; try *= 2 {
		err = d.publish(ctx, data, try)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("publish to %s: %w", d.subject, err)
	}
	return nil
}

func (d *Dispatcher) publish(ctx context.Context, data []byte, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := d.cfg.JetStream.Publish(ctx, d.subject, data)
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == storeFailed {
		return fmt.Errorf("%w: %w", runs.ErrFull, err)
	}
	return err
}
