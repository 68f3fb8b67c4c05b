package graphtest

// A Tenant holds the objects of one Entra tenant. It is safe for concurrent
// use, also while the server answers requests.
type Tenant struct {
	id string
}

// ID returns the Entra tenant id.
func (t *Tenant) ID() string { return t.id }
