package runs

import (
	"context"
	"errors"
	"fmt"
)

// ErrForbidden is reported by an [Authorizer] for a member of the tenant who
// has not the right to do what was asked. Somebody who is no member gets
// [ErrNotFound] instead, as if the tenant did not exist.
var ErrForbidden = errors.New("forbidden")

// An Action is something that an [Authorizer] rules on. Hosts may have more
// than the ones below.
type Action string

// The actions of this module, as the role table knows them.
const (
	ActionView            Action = "view"             // runs, items, inventory, findings, own notifications
	ActionStart           Action = "start"            // anything that changes nothing at the provider
	ActionAcknowledge     Action = "acknowledge"      // findings
	ActionCancelOwn       Action = "cancel.own"       // a run one has initiated
	ActionCancelOther     Action = "cancel.other"     // somebody else's run
	ActionRetryOwn        Action = "retry.own"        //
	ActionRetryOther      Action = "retry.other"      //
	ActionExport          Action = "backup.export"    //
	ActionMapGroups       Action = "restore.map"      //
	ActionRestore         Action = "restore.execute"  // for real, not as a dry run
	ActionManageSchedules Action = "schedules.manage" //
	ActionViewAudit       Action = "audit.view"       //
	ActionDeleteSets      Action = "sets.delete"      //
	ActionChangeRoles     Action = "roles.change"     //
)

// An Authorizer decides whether actor may do something in a tenant. It returns
// nil to allow, an error that is [ErrForbidden] or [ErrNotFound] to refuse, and
// any other error when it could not find out; then nothing is allowed either,
// but nothing is recorded as refused. It must be safe for concurrent use. The
// Tracker asks when a run is started, again before it is claimed, and whenever
// a handler calls [Exec.Authorize].
type Authorizer interface {
	Authorize(ctx context.Context, actor Actor, tenant string, a Action) error
}

// A Role is a set of rights in a tenant. Code asks for actions; only the table
// below maps roles to them.
type Role string

// The roles. The empty role is that of somebody who is no member.
const (
	RoleOwner    Role = "owner"
	RoleManager  Role = "manager"
	RoleOperator Role = "operator"
	RoleReadonly Role = "readonly"
)

// May reports whether the role has the right to do a.
func (r Role) May(a Action) bool {
	var least Role
	switch a {
	case ActionView:
		least = RoleReadonly
	case ActionStart, ActionAcknowledge, ActionCancelOwn, ActionRetryOwn:
		least = RoleOperator
	case ActionCancelOther, ActionRetryOther, ActionExport, ActionMapGroups, ActionRestore, ActionManageSchedules:
		least = RoleManager
	case ActionViewAudit, ActionDeleteSets, ActionChangeRoles:
		least = RoleOwner
	default:
		return false
	}
	return r.rank() >= least.rank()
}

// Member reports whether r is a role at all.
func (r Role) Member() bool { return r.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case RoleReadonly:
		return 1
	case RoleOperator:
		return 2
	case RoleManager:
		return 3
	case RoleOwner:
		return 4
	default:
		return 0
	}
}

// Roles is an [Authorizer] that asks the function for the actor's role in the
// tenant, the empty one for no member, and applies the role table. The program
// itself (a system or schedule actor) may start and view without a role; what
// else it may do is decided by its role like anybody's.
type Roles func(ctx context.Context, actor Actor, tenant string) (Role, error)

// Authorize implements [Authorizer].
func (f Roles) Authorize(ctx context.Context, actor Actor, tenant string, a Action) error {
	if f == nil {
		return errors.New("runs: Roles is nil, so nobody has a role")
	}
	if !actor.Valid() {
		return fmt.Errorf("authorize %s: %w", a, ErrNotFound)
	}
	if actor.Kind != ActorUser && (a == ActionStart || a == ActionView) {
		return nil
	}
	role, err := f(ctx, actor, tenant)
	switch {
	case err != nil:
		return fmt.Errorf("authorize %s: %w", a, err)
	case !role.Member():
		return fmt.Errorf("authorize %s: %w", a, ErrNotFound)
	case !role.May(a):
		return fmt.Errorf("authorize %s as %s: %w", a, role, ErrForbidden)
	}
	return nil
}
