package runs

import "context"

// A Step is the point of a run's life at which the [Tracker] asks whether
// somebody may do something.
type Step string

// The steps.
const (
	StepStart  Step = "start"  // of the run named, which is not stored yet and may never be
	StepJoin   Step = "join"   // the run named was there already and is the answer to a start
	StepRetry  Step = "retry"  // to do again what the run named did, by a start that follows
	StepCancel Step = "cancel" // the run named
	StepClaim  Step = "claim"  // a worker is about to execute the run named
	StepPhase  Step = "phase"  // a handler has called [Exec.Authorize]
)

// A Question is all that the [Tracker] knows when it asks whether somebody may
// do something.
type Question struct {
	Actor  Actor
	Tenant string
	Action Action
	Step   Step

	// Run is what it is about. Its Type is what was asked for, which need not
	// be one that is declared.
	Run Ref
}

// A Judge is an [Authorizer] that is told more, for example to keep who asked
// for what. A [Tracker] whose Authorizer is a Judge calls Judge wherever it
// would call Authorize, before it does or answers anything, and once more when
// a start is about to join a run. What Judge returns means the same.
type Judge interface {
	Authorizer
	Judge(ctx context.Context, q Question) error
}

// ask puts q to the Authorizer.
func (t *Tracker) ask(ctx context.Context, q Question) error {
	switch a := t.cfg.Authorizer.(type) {
	case nil:
		return nil
	case Judge:
		return a.Judge(ctx, q)
	default:
		return a.Authorize(ctx, q.Actor, q.Tenant, q.Action)
	}
}

// join returns the answer to a start that has found its run there. Only a Judge
// wants to know: the right to start is all that it takes.
func (t *Tracker) join(ctx context.Context, asked *Run, s Started) (Started, error) {
	if _, ok := t.cfg.Authorizer.(Judge); !ok {
		return s, nil
	}
	spec := t.ops[asked.Type].spec
	in, err := spec.decode(asked.Params)
	if err != nil {
		return Started{}, err
	}
	q := Question{Actor: asked.Initiator, Tenant: asked.Tenant, Action: spec.action(in), Step: StepJoin, Run: s.Run.Ref()}
	if err := t.ask(ctx, q); err != nil {
		return Started{}, err
	}
	return s, nil
}
