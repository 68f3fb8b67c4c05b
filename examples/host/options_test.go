package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

var credentials = env("GRAPH_CLIENT_ID", "app", "GRAPH_CLIENT_SECRET", "hunter2",
	"AUDIT_KEYS", "test:"+strings.Repeat("07", 32)) //nolint:gochecknoglobals // a constant

// Every combination that does not work is refused with what to do about it.
func TestOptionsRefuse(t *testing.T) {
	tests := []struct {
		name, args string
		env        func(string) string
		want       string
	}{
		{"demo in public", "-addr 0.0.0.0:8080", env(), "loopback"},
		{"demo without a host", "-addr :8080", env(), "loopback"},
		{"address without a host", "-addr 8080", env(), "HOST:PORT"},
		{"demo with tenants", "-tenant a=b", env(), "-demo=false"},
		{"demo with roles", "-role a=owner", env(), "-demo=false"},
		{"no header", "-demo=false -tenant a=b", credentials, "-auth-header"},
		{"no name of a header", "-demo=false -auth-header Cookie: -tenant a=b", credentials, "name of a header"},
		{"no tenant", "-demo=false -auth-header X-User", credentials, "-tenant"},
		{"no credentials", "-demo=false -auth-header X-User -tenant a=b", env(), "GRAPH_CLIENT_ID"},
		{"role in an unknown tenant", "-demo=false -auth-header X-User -tenant a=b -role u=owner@c", credentials, `"c"`},
		{"dispatcher", "-dispatch river", env(), "pool"},
		{"argument", "serve", env(), `"serve"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseOptions(strings.Fields(tt.args), tt.env, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
	for _, args := range []string{"-tenant x", "-tenant =x", "-tenant a/b=x", "-tenant ..=x", "-tenant _system=x", "-role x", "-role u=owner@", "-role =owner", "-role u=king", "-no-such-flag"} {
		var said strings.Builder
		if _, err := parseOptions(strings.Fields(args), credentials, &said); err == nil || said.Len() == 0 {
			t.Errorf("%s: error is %v, and it said %q", args, err, said.String())
		}
	}
}

// Who asks for help gets it, and has done nothing wrong.
func TestHelp(t *testing.T) {
	var said strings.Builder
	if err := run(t.Context(), []string{"-h"}, env(), io.Discard, &said); err != nil || !strings.Contains(said.String(), "-auth-header") {
		t.Errorf("-h: %v\n%s", err, said.String())
	}
}

// A database that is not there is one error, without the password.
func TestDatabaseAway(t *testing.T) {
	for _, db := range []string{"postgres://atlas:hunter2@127.0.0.1:1/atlas", "file:" + t.TempDir() + "/none/atlas.db"} {
		_, err := newHost(t.Context(), &options{db: db}, newLogger(io.Discard))
		if err == nil || !strings.HasPrefix(err.Error(), "reach the database that -db names: ") || strings.Count(err.Error(), "database that") != 1 ||
			strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "migrate") {
			t.Errorf("%s: %v", db, err)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions(strings.Fields("-demo=false -auth-header X-User -tenant contoso=id1 -tenant fabrikam=id2 "+
		"-role dana@contoso.com=owner -role ron@contoso.com=readonly@fabrikam -graph-url http://127.0.0.1:1 -addr 0.0.0.0:1"), credentials, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]tenantOption{{"contoso", "id1"}, {"fabrikam", "id2"}}, o.tenants, cmp.AllowUnexported(tenantOption{})); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
	id := newIdentity(o)
	for _, tt := range []struct {
		user, tenant string
		want         runs.Role
	}{
		{"dana@contoso.com", "contoso", runs.RoleOwner},
		{"dana@contoso.com", "fabrikam", runs.RoleOwner},
		{"dana@contoso.com", "other", ""},
		{"ron@contoso.com", "contoso", ""},
		{"ron@contoso.com", "fabrikam", runs.RoleReadonly},
		{"nobody", "contoso", ""},
	} {
		if got, err := id.role(t.Context(), runs.User(tt.user, ""), tt.tenant); got != tt.want || err != nil {
			t.Errorf("%s in %s is %q, %v; want %q", tt.user, tt.tenant, got, err, tt.want)
		}
	}
}

// However the options are printed, the credentials are not.
func TestOptionsShowNoSecrets(t *testing.T) {
	t.Parallel()
	opts, err := parseOptions(tenantArgs("http://127.0.0.1:1", "memory"), credentials, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	newLogger(&log).Info("options", "options", opts, "value", *opts)
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v %q", opts, *opts, *opts, opts.clientSecret)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "0707") || !strings.Contains(text, "contoso") {
			t.Errorf("the options are printed as %s", text)
		}
	}
}
