package graphtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrNotFound is reported for a tenant, list or object that does not exist.
var ErrNotFound = errors.New("not found")

// ErrExists is reported for an id that is taken.
var ErrExists = errors.New("id is taken")

// A Server is a Graph service and the token service that goes with it. It is
// safe for concurrent use.
type Server struct {
	cfg      Config
	key      [sha256.Size]byte // of page tokens
	table    map[string]*spec
	requests atomic.Uint64
	faults   faultSet
	throttle throttle
	tokens   tokens
	stats    statistics
	listen   listener
	schema   *schema   // nil: property names are not checked
	zippers  sync.Pool // of *gzip.Writer

	violations map[string]bool // of the schema; protected by stats.mu

	mu      sync.RWMutex
	tenants map[string]*Tenant
	quirks  *Quirks // replaced, never changed
}

// New returns a server for cfg. It does no I/O.
func New(cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default clock
	}
	if cfg.TokenLifetime == 0 {
		cfg.TokenLifetime = time.Hour
	}
	if cfg.LogSize == 0 {
		cfg.LogSize = 1 << 16
	}
	s := &Server{
		cfg:     cfg,
		table:   newTable(),
		tenants: make(map[string]*Tenant),
	}
	s.key = sha256.Sum256([]byte(cfg.seedText()))
	s.tokens.byValue, s.tokens.codes = make(map[string]*token), make(map[string]*code)
	s.tokens.revoked = make(map[string]string)
	s.stats.size = cfg.LogSize
	s.faults.seed = cfg.Seed
	s.SetQuirks(cfg.Quirks)
	s.SetFaults(cfg.Faults...)
	s.SetLimits(cfg.Limits)
	for _, id := range cfg.Tenants {
		if _, err := s.AddTenant(id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (c *Config) seedText() string { return "graphtest " + strconv.FormatUint(c.Seed, 10) }

func itoa(n int) string { return strconv.Itoa(n) }

// AddTenant adds an empty tenant. It reports [ErrExists] when there is one.
func (s *Server) AddTenant(id string) (*Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return nil, errors.New("add tenant: empty id")
	}
	if _, ok := s.tenants[id]; ok {
		return nil, fmt.Errorf("add tenant %s: %w", id, ErrExists)
	}
	t := &Tenant{id: id, table: s.table, now: s.cfg.Now, roots: make(map[string]*root), secrets: make(map[string][]byte)}
	s.tenants[id] = t
	return t, nil
}

// Tenant returns the tenant with that id, or nil.
func (s *Server) Tenant(id string) *Tenant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tenants[id]
}

// SetQuirks replaces the quirks for requests that begin from now on. The
// caller does not change the slices and maps of q any more.
func (s *Server) SetQuirks(q Quirks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirks = &q
}

// SetFaults replaces the faults; their counts begin anew.
func (s *Server) SetFaults(faults ...Fault) { s.faults.set(faults) }

// SetLimits switches throttling on, or off with nil; all windows begin empty.
// The caller does not change the map of l any more.
func (s *Server) SetLimits(l *Limits) { s.throttle.set(l) }

// answer carries out one call: limits, faults, permission, then the resource.
func (s *Server) answer(c *call) *answer {
	c.tenant.mu.RLock()
	c.route = c.tenant.routeOf(c.path)
	c.tenant.mu.RUnlock()
	opts, err := parseOptions(c.query, c.version == "beta")
	if c.opts = opts; err != nil {
		c.opts = noOptions
	}
	if a := c.limit(); a != nil {
		return a
	}
	fault := s.faults.hit(c)
	if fault == nil {
		return c.handle(err)
	}
	if fault.Applied {
		c.handle(err)
	}
	a := c.fails(fault)
	if a == nil {
		a = c.handle(err)
		a.harm(fault)
	}
	if fault.Kind != FaultStall {
		a.delay = fault.Delay
	}
	return a
}

// handle answers a call that nothing stopped. bad is what was wrong with its
// query options.
func (c *call) handle(bad error) *answer {
	if strings.EqualFold(strings.Trim(c.path, "/"), "deviceManagement") && c.method == http.MethodPatch {
		return c.patchManagement()
	}
	switch r := c.route; {
	case r.bad != "":
		return c.noSegment(r.bad)
	case c.version != "beta" && r.root.is(betaOnly):
		return c.noSegment(r.root.name[strings.LastIndexByte(r.root.name, '/')+1:])
	case c.isForbidden():
		return c.forbidden(r.root.perm.reads())
	case bad != nil:
		return c.refuse(bad)
	case c.method == http.MethodGet || c.method == http.MethodHead:
		return c.read()
	case c.method == http.MethodPost && r.class == "directoryObjects/getByIds":
		return c.byIDs()
	}
	if a := c.mayWrite(c.route.root.perm); a != nil {
		return a
	}
	return c.change()
}

// mayWrite refuses a change that the permissions of the caller do not allow, or
// that a second administrator has to approve.
func (c *call) mayWrite(p perm) *answer {
	if c.strict(RulePermission) {
		if !p.allows(c.token.roles, p.writes()) {
			return c.forbidden(p.writes())
		}
		for _, name := range p.also {
			if c.token.roles != nil && !foldIn(c.token.roles, name) {
				return c.forbidden([]string{name})
			}
		}
	}
	return c.approve()
}

func (c *call) isForbidden() bool {
	for _, prefix := range c.quirks.Forbidden {
		if hasPrefix(c.path, prefix) {
			return true
		}
	}
	return !c.route.root.perm.allows(c.token.roles, c.route.root.perm.reads())
}
