package runs

// An ActorKind says what sort of actor somebody is.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"
	ActorSystem   ActorKind = "system"   // the program itself
	ActorSchedule ActorKind = "schedule" // a schedule that came due
)

// An Actor is somebody who asks for something. The initiator of a run is an
// actor with the name as it was then.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
	Name string    `json:"name,omitempty"` // for people; empty if there is none
}

// User is the person with this id.
func User(id, name string) Actor { return Actor{Kind: ActorUser, ID: id, Name: name} }

// System is a part of the program that acts on its own, such as "retention".
func System(part string) Actor { return Actor{Kind: ActorSystem, ID: part, Name: part} }

// Schedule is the schedule with this id.
func Schedule(id, name string) Actor { return Actor{Kind: ActorSchedule, ID: id, Name: name} }

// Valid reports whether a has an ID and one of the kinds above.
func (a Actor) Valid() bool {
	switch a.Kind {
	case ActorUser, ActorSystem, ActorSchedule:
		return a.ID != ""
	default:
		return false
	}
}

// Is reports whether a and b are the same actor, whatever they are called now.
func (a Actor) Is(b Actor) bool { return a.Kind == b.Kind && a.ID == b.ID }
