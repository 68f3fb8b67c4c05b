package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/runs"
)

// errUsage is reported when the flags are wrong and the user was told.
var errUsage = errors.New("wrong usage")

// options are what the flags and the environment say.
type options struct {
	addr      string
	addrGiven bool
	db        string
	demo      bool
	actions   bool

	graphURL     string
	tokenURL     string
	clientID     string
	clientSecret graphclient.Secret
	auditKeys    graphclient.Secret
	backupKey    string // a file
	tenants      []tenantOption

	authHeader string
	roles      []roleOption
}

// A tenantOption is a tenant that the host knows.
type tenantOption struct {
	name string // in URLs
	id   string // of Entra
}

// A roleOption says what a user is.
type roleOption struct {
	user   string
	role   runs.Role
	tenant string // empty means in every tenant
}

func parseOptions(args []string, env func(string) string, out io.Writer) (*options, error) {
	o := &options{clientID: env("GRAPH_CLIENT_ID"), clientSecret: graphclient.NewSecret(env("GRAPH_CLIENT_SECRET")), auditKeys: graphclient.NewSecret(env("AUDIT_KEYS")), backupKey: env("BACKUP_KEY_FILE")}
	f := flag.NewFlagSet("host", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&o.addr, "addr", "", "listen on this `address` (default 127.0.0.1:8080, or the next free port)")
	f.StringVar(&o.db, "db", "", "keep runs and inventory in `memory`, file:PATH (SQLite) or postgres://… (default a temporary SQLite file)")
	f.BoolVar(&o.demo, "demo", true, "serve two generated tenants from a Graph server in this process")
	f.BoolVar(&o.actions, "actions", false, "let people cancel and retry runs from the hub, if their role allows it")
	dispatch := f.String("dispatch", "pool", "execute runs with this `dispatcher`; only pool is built in")
	f.StringVar(&o.graphURL, "graph-url", "", "`URL` of Microsoft Graph, scheme and host (default the global cloud)")
	f.StringVar(&o.tokenURL, "graph-token-url", "", "`URL` of the token endpoint; {tenant} in it stands for the Entra tenant (default the global cloud)")
	f.Func("tenant", "serve the tenant with this `NAME=ENTRA_TENANT_ID`; may be repeated", o.addTenant)
	f.StringVar(&o.authHeader, "auth-header", "", "`name` of the header in which a trusted proxy passes the user's id")
	f.Func("role", "give a user a role: `USER=ROLE[@TENANT]`; may be repeated", o.addRole)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, errUsage
	}
	o.addrGiven = o.addr != ""
	if !o.addrGiven {
		o.addr = "127.0.0.1:8080"
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if *dispatch != "pool" {
		return nil, fmt.Errorf("-dispatch %s is not built in; use pool", *dispatch)
	}
	return o, o.check()
}

func (o *options) addTenant(s string) error {
	name, id, ok := strings.Cut(s, "=")
	switch {
	case !ok || !isName(name) || id == "":
		return errors.New("want NAME=ENTRA_TENANT_ID, the name of letters, digits, '-', '_' and '.'")
	case name[0] == '_':
		return errors.New("names that begin with _ are for the host's own runs")
	}
	for _, t := range o.tenants {
		if t.name == name {
			return errors.New("this tenant was given before")
		}
	}
	o.tenants = append(o.tenants, tenantOption{name, id})
	return nil
}

func (o *options) addRole(s string) error {
	// A user may be an address, so the tenant is what follows the last @ after
	// the role.
	i := strings.LastIndex(s, "=")
	if i < 1 {
		return errors.New("want USER=ROLE or USER=ROLE@TENANT")
	}
	role, tenant, one := strings.Cut(s[i+1:], "@")
	if one && tenant == "" { // of a variable that is not set, say; it must not mean every tenant
		return errors.New("want a tenant after @, or no @ for every tenant")
	}
	if !runs.Role(role).Member() {
		return errors.New("the roles are owner, manager, operator and readonly")
	}
	o.roles = append(o.roles, roleOption{s[:i], runs.Role(role), tenant})
	return nil
}

// check says what does not go together, and what to do.
func (o *options) check() error {
	if o.demo {
		host, _, err := net.SplitHostPort(o.addr)
		if err != nil {
			return fmt.Errorf("-addr %s is not HOST:PORT, such as 127.0.0.1:8080", o.addr)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return fmt.Errorf("the demo lets everybody in, so it listens on loopback addresses only, not on %s", o.addr)
		}
		if len(o.tenants) > 0 || o.graphURL != "" || o.tokenURL != "" || o.authHeader != "" || len(o.roles) > 0 {
			return errors.New("the demo has tenants and users of its own; add -demo=false to use yours")
		}
		o.tenants = demoTenants()
		return nil
	}
	switch {
	case o.authHeader == "":
		return errors.New("-demo=false needs -auth-header: the name of the header in which a trusted proxy says who the user is")
	case !isName(o.authHeader):
		return errors.New("-auth-header is not the name of a header, such as X-Forwarded-User")
	case len(o.tenants) == 0:
		return errors.New("-demo=false needs at least one -tenant NAME=ENTRA_TENANT_ID")
	case o.clientID == "" || o.clientSecret.IsZero():
		return errors.New("-demo=false needs the credentials of the application in GRAPH_CLIENT_ID and GRAPH_CLIENT_SECRET")
	}
	for _, r := range o.roles {
		if r.tenant != "" && !slices.ContainsFunc(o.tenants, func(t tenantOption) bool { return t.name == r.tenant }) {
			return fmt.Errorf("-role names the tenant %q, which no -tenant does", r.tenant)
		}
	}
	return nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && s != "." && s != ".."
}
