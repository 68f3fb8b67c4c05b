package graphclient_test

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

func TestClouds(t *testing.T) {
	for name, c := range map[string]struct {
		cloud        graphclient.Cloud
		graph, login string
	}{
		"zero":   {graphclient.Cloud{}, "https://graph.microsoft.com", "https://login.microsoftonline.com"},
		"global": {graphclient.GlobalCloud(), "https://graph.microsoft.com", "https://login.microsoftonline.com"},
		"gov":    {graphclient.USGovCloud(), "https://graph.microsoft.us", "https://login.microsoftonline.us"},
		"dod":    {graphclient.USGovDoDCloud(), "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"},
		"china":  {graphclient.ChinaCloud(), "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"},
		"custom": {graphclient.Cloud{Graph: "http://localhost:8080/", Login: "http://localhost:8080/"}, "http://localhost:8080", "http://localhost:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			sts, graph := issue(), script(says(200, `{}`))
			client := newClient(t, graph, func(cfg *graphclient.Config) {
				cfg.Cloud = c.cloud
				cfg.Tokens = newCredentials(t, sts, func(cfg *graphclient.CredentialsConfig) { cfg.Cloud = c.cloud })
			})
			if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
				t.Fatal(err)
			}
			if got := graph.seen[0].URL.String(); got != c.graph+"/beta"+listPath {
				t.Errorf("Graph was asked as %s", got)
			}
			if got := sts.seen[0].URL.String(); got != c.login+"/"+tenant+"/oauth2/v2.0/token" {
				t.Errorf("the token came from %s", got)
			}
			if want := "scope=" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(c.graph+"/.default"); !strings.Contains(sts.sent[0], want) {
				t.Errorf("the token is for %s", sts.sent[0])
			}
		})
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for _, s := range []string{
		"", "graph.microsoft.com", "//graph.microsoft.com", "ftp://graph.microsoft.com", "http://graph.microsoft.com", "http://10.0.0.1", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
		"https://", "https:///beta", "https://graph.microsoft.com/beta", "https://graph.microsoft.com/?x", "https://graph.microsoft.com?", "https://graph.microsoft.com/#x", "https://u:s3cr3t@graph.microsoft.com",
		"https://graph.microsoft.com.", "https://.microsoft.com", "https://gräph.example", "https://graph.microsoft.com:0", "https://graph.microsoft.com:99999", "https://graph microsoft.com", "https://graph.microsoft.com\r\n",
		"https://graph.microsoft.com%2f", "https://[fe80::1%25eth0]", "https://a_b.example", "https://*.microsoft.com", "https:graph.microsoft.com",
	} {
		_, err := graphclient.New(graphclient.Config{
			Tenant: tenant, Tokens: &tokens{}, Cloud: graphclient.Cloud{Graph: s, Login: "https://login.example"},
		})
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v", s, err)
		}
	}
	for _, s := range []string{"http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:80", "http://localhost", "http://a.localhost:8080", "https://10.0.0.1:8443", "HTTPS://Graph.Microsoft.com:443"} {
		if _, err := graphclient.New(graphclient.Config{
			Tenant: tenant, Tokens: &tokens{}, Cloud: graphclient.Cloud{Graph: s, Login: "https://login.example"},
		}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]graphclient.Config{
		"no tenant":  {Tokens: &tokens{}},
		"no tokens":  {Tenant: tenant},
		"user agent": {Tenant: tenant, Tokens: &tokens{}, UserAgent: "a\r\nb"},
	} {
		if _, err := graphclient.New(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
