package runs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// An Operation declares a type of run: what it is called, what makes a run of
// it unique, and what executes it. Make one with [Define] or, to say more than
// the type and the handler, with [Spec.Operation].
type Operation struct {
	Type        Type
	Label       string // for people: "Inventory sync"; the type if it was left empty
	Description string // for people, one sentence; may be empty

	Timeout  time.Duration // of one attempt; 0 means none
	Expected time.Duration // a run that takes longer is shown as likely stale; 0 means never

	// What runs of this type have of their own of the fields of [Config] with
	// these names; 0 means what that says. A [Tracker] shows what it goes by.
	Lease     time.Duration
	Heartbeat time.Duration
	Margin    time.Duration
	MaxLost   int

	spec   erased
	scope  []string
	rights []Action
}

// Executes reports whether the operation has a handler, so that this process
// can execute its runs and not only start them.
func (op Operation) Executes() bool { return op.spec != nil && op.spec.executes() }

// Define declares an operation that decodes its input into an In and is unique
// by it. A run's input is JSON: unknown fields are refused.
func Define[In any](typ Type, handle func(ctx context.Context, x *Exec, in In) error) Operation {
	return Spec[In]{Type: typ, Handle: handle}.Operation()
}

// A Spec is everything that can be said about an operation with the input In.
// Type is required; a zero field has the meaning given with it. All functions
// must be safe for concurrent use.
type Spec[In any] struct {
	Type        Type
	Label       string // as in [Operation]
	Description string

	// Handle executes a run of this type. It is called on a goroutine of its
	// own, with a context that ends when the run is canceled, has lost its
	// lease, takes longer than Timeout, or the process stops; context.Cause
	// says which. What it returns becomes the run's outcome: nil leaves that to
	// the counts, an error means that the run could not proceed; see [Partial],
	// [Blocked] and [Public]. Handle may be called again for the same run after
	// a crash, so what it does must be repeatable; see [Exec.Done]. If nil, this
	// process can start such runs and leaves their execution to others.
	Handle func(ctx context.Context, x *Exec, in In) error

	// Prepare fills in defaults and refuses what cannot be done, before the run
	// is keyed and stored. It must be quick: it runs inside Start. Its error
	// refuses the start: what it declares [Public] is shown, everything else is
	// [ReasonInvalidInput]. If nil, the input is taken as it is.
	Prepare func(ctx context.Context, tenant string, in *In) error

	// Identity is what makes a run unique within tenant and type; it is encoded
	// as JSON, see [KeyOf] and [Set]. If nil, the whole input is.
	Identity func(in In) any

	// Lane names a lane in which only one run at a time is running. If nil, or
	// if it returns "", runs of this type need not wait for each other.
	Lane func(in In) string

	// Target says what the run acts on. If nil, nothing in particular.
	Target func(in In) Target

	// Context states facts for people, such as what was selected. They are
	// sanitized. If nil, there are none.
	Context func(in In) map[string]string

	// Action is the right that is needed to start and to execute such a run. If
	// nil, or if it returns "", it is [ActionStart].
	Action func(in In) Action

	// Rights are all that Action may return, for people to see who may start such
	// a run; nobody is let or refused by them. If nil, they are what Action returns
	// for the zero input.
	Rights []Action

	Timeout   time.Duration // as in [Operation]
	Expected  time.Duration
	Lease     time.Duration
	Heartbeat time.Duration
	Margin    time.Duration
	MaxLost   int
}

// Operation returns the operation that s describes.
func (s Spec[In]) Operation() Operation {
	op := Operation{
		Type:        s.Type,
		Label:       s.Label,
		Description: s.Description,
		Timeout:     s.Timeout,
		Expected:    s.Expected,
		Lease:       s.Lease,
		Heartbeat:   s.Heartbeat,
		Margin:      s.Margin,
		MaxLost:     s.MaxLost,
		spec:        &s,
		scope:       s.scope(),
		rights:      s.rights(),
	}
	if op.Label == "" {
		op.Label = string(s.Type)
	}
	return op
}

// complete fills in what op leaves to cfg, which is complete itself, or says
// what is wrong with op.
func (op *Operation) complete(cfg *Config) error {
	if err := op.Type.Validate(); err != nil {
		return err
	}
	if op.spec == nil {
		return errors.New("was not made by Define or Spec.Operation")
	}
	if op.Timeout < 0 || op.Expected < 0 || op.Lease < 0 || op.Heartbeat < 0 || op.Margin < 0 || op.MaxLost < 0 {
		return errors.New("a duration or MaxLost is negative")
	}
	op.Lease = cmp.Or(op.Lease, cfg.Lease)
	op.Heartbeat = cmp.Or(op.Heartbeat, cfg.Heartbeat)
	op.Margin = cmp.Or(op.Margin, cfg.Margin)
	op.MaxLost = cmp.Or(op.MaxLost, cfg.MaxLost)
	return holds(op.Lease, op.Heartbeat, op.Margin)
}

// holds says whether a worker can keep its run with these.
func holds(lease, heartbeat, margin time.Duration) error {
	if lease <= heartbeat+margin {
		return fmt.Errorf("the lease of %v must exceed heartbeat (%v) and margin (%v) together", lease, heartbeat, margin)
	}
	return nil
}

// erased is a Spec of which the input's type is not known.
type erased interface {
	executes() bool
	// decode reads raw, strictly. Everything else takes what it returned.
	decode(raw json.RawMessage) (in any, err error)
	action(in any) Action
	// plan prepares in and fills the fields of r that follow from it.
	plan(ctx context.Context, r *Run, in any) error
	handle(ctx context.Context, x *Exec, in any) error
}

func (s *Spec[In]) executes() bool { return s.Handle != nil }

func (s *Spec[In]) decode(raw json.RawMessage) (any, error) {
	in := new(In)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	dec.UseNumber() // what has no type of its own stays exact
	if err := dec.Decode(in); err != nil {
		return nil, Public(err, ReasonInvalidInput, InputProblem("The params", err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Public(err, ReasonInvalidInput, "The params are more than one JSON value.")
	}
	return in, nil
}

func (s *Spec[In]) action(in any) Action {
	if s.Action != nil {
		if a := s.Action(*in.(*In)); a != "" {
			return a
		}
	}
	return ActionStart
}

func (s *Spec[In]) plan(ctx context.Context, r *Run, input any) error {
	in := input.(*In)
	if s.Prepare != nil {
		if err := s.Prepare(ctx, r.Tenant, in); err != nil {
			if _, ok := errors.AsType[*publicError](err); ok {
				return err
			}
			return Public(err, ReasonInvalidInput, "")
		}
	}
	params, err := json.Marshal(in)
	if err != nil {
		return Public(err, ReasonInvalidInput, "The params cannot be encoded as JSON.")
	}
	r.Params = params
	var identity any = json.RawMessage(params)
	if s.Identity != nil {
		identity = s.Identity(*in)
	}
	if r.Key, err = KeyOf(r.Tenant, r.Type, identity); err != nil {
		return err
	}
	if s.Lane != nil {
		r.Lane = s.Lane(*in)
	}
	if s.Target != nil {
		r.Target = s.Target(*in)
		r.Target.Name = displayName(r.Target.Name)
	}
	if s.Context != nil {
		r.Context = sanitizeAll(s.Context(*in))
	}
	return nil
}

func (s *Spec[In]) handle(ctx context.Context, x *Exec, in any) error {
	return s.Handle(ctx, x, *in.(*In))
}

// InputProblem says for people what is wrong with JSON that encoding/json did not
// read, without repeating any of it except for the name of a field. what is the
// subject of the sentence, in the plural: "The params".
func InputProblem(what string, err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && isFieldName(e.Field) {
		return what + " have a wrong kind of value in the field " + e.Field + "."
	}
	// encoding/json has no type for this one.
	const unknown = "json: unknown field "
	if text := err.Error(); len(text) > len(unknown)+2 && text[:len(unknown)] == unknown {
		if name := text[len(unknown)+1 : len(text)-1]; isFieldName(name) {
			return what + " have an unknown field, " + name + "."
		}
	}
	return what + " are not valid JSON of the expected form."
}

// isFieldName reports whether s looks like the name of a field and not like
// something secret.
func isFieldName(s string) bool {
	for _, c := range []byte(s) {
		lower := 'a' <= c && c <= 'z'
		if !lower && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func sanitizeAll(facts map[string]string) map[string]string {
	if len(facts) == 0 {
		return nil
	}
	clean := make(map[string]string, len(facts))
	for k, v := range facts {
		clean[Sanitize(k)] = SanitizeFact(k, v)
	}
	return clean
}
