// Package arch says which package of this repository may import which, and
// its test makes the build keep to it.
//
// Arrows point one way, between the wings too: examples → restore → inventory
// → runs and graphclient; notify → runs. Properties that readers rely on
// follow from it. A page of the hub cannot call Graph, because runs/monitor
// may not import graphclient; group mapping cannot either, because
// inventory/directory and restore may not; and a team that wants runs alone
// compiles nothing else.
package arch

// Module is the path of the root module, and the prefix of the nested ones.
const Module = "github.com/tenantatlas/tenantatlas"

// All in [Row.Ours] stands for every package of the root module.
const All = "..."

// A Row says what one package may import besides the standard library and
// internal/canonjson, which is open to all.
type Row struct {
	// Ours lists packages of this repository by their folders; "a/..." is
	// a with everything below it.
	Ours []string

	// Foreign lists import paths of other modules; each stands for
	// everything below it too. Tests may also import [TestForeign].
	Foreign []string

	// Module says that the folder has a go.mod of its own, so that what it
	// needs stays out of the go.mod of those who need the rest.
	Module bool

	// Planned says that the package does not exist yet. The first file of
	// it has to remove the word.
	Planned bool
}

// Wings lists, for every top folder, the top folders whose packages it may
// stand on. A test may import whatever its own wing and those below it hold,
// and everything internal, which is more than its package may and still
// leaves no way up.
func Wings() map[string][]string {
	return map[string][]string{
		"runs":        {"internal"},
		"graphclient": {"internal"},
		"notify":      {"runs", "internal"},
		"inventory":   {"runs", "graphclient", "internal"},
		"restore":     {"inventory", "runs", "graphclient", "internal"},
		"examples":    {"restore", "inventory", "notify", "runs", "graphclient", "internal"},
		"internal":    {},
	}
}

// TestForeign lists what any test may import from other modules.
func TestForeign() []string {
	return []string{
		"github.com/google/go-cmp",
		"github.com/jackc/pgx/v5",
		"modernc.org/sqlite",
	}
}
