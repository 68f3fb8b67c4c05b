package graphclient_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// A redirect is not followed, not even to the next port of the same host.
func TestRedirects(t *testing.T) {
	var reached atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer evil.Close()
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		for _, to := range []string{evil.URL + "/beta/x", "/beta/other", "//" + strings.TrimPrefix(evil.URL, "http://") + "/"} {
			hits := 0
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				hits++
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			}, func(c *graphclient.Config) { c.MaxAttempts = 5 })
			for _, method := range []string{"GET", "POST"} {
				hits = 0
				_, err := client.Do(t.Context(), graphclient.Request{Method: method, Path: listPath})
				if e := errorOf(t, err); e.Code != "redirect" || hits != 1 {
					t.Errorf("%d to %s: got %v after %d requests", status, to, err, hits)
				}
			}
		}
	}
	if reached.Load() > 0 {
		t.Error("somebody else was reached")
	}
}

// Certificates are verified, and old protocols are not spoken.
func TestTLS(t *testing.T) {
	start := func(maxVersion uint16) *httptest.Server {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"proto":"` + r.Proto + `"}`))
		}))
		srv.TLS = &tls.Config{MaxVersion: maxVersion, MinVersion: tls.VersionTLS10}
		srv.EnableHTTP2 = true
		srv.Config.ErrorLog = discardLog()
		srv.StartTLS()
		t.Cleanup(srv.Close)
		return srv
	}
	modern, old := start(tls.VersionTLS13), start(tls.VersionTLS11)
	trust := func(srv *httptest.Server, rt *http.Transport) *http.Transport {
		roots := x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		rt.TLSClientConfig.RootCAs = roots
		return rt
	}
	for name, c := range map[string]struct {
		srv  *httptest.Server
		rt   *http.Transport
		host string
		code string
	}{
		"custom root":        {modern, trust(modern, graphclient.NewTransport()), "127.0.0.1", ""},
		"unknown root":       {modern, graphclient.NewTransport(), "127.0.0.1", "certificate"},
		"other name":         {modern, trust(modern, graphclient.NewTransport()), "localhost", "certificate"},
		"TLS 1.1":            {old, trust(old, graphclient.NewTransport()), "127.0.0.1", "tls"},
		"plain http instead": {httptest.NewServer(http.NotFoundHandler()), graphclient.NewTransport(), "127.0.0.1", "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(c.rt.CloseIdleConnections)
			_, port, _ := net.SplitHostPort(c.srv.Listener.Addr().String())
			client := newClient(t, c.rt, func(cfg *graphclient.Config) {
				cfg.Cloud = graphclient.Cloud{Graph: "https://" + c.host + ":" + port, Login: "https://login.example"}
				cfg.MaxAttempts = 1
			})
			r, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
			if c.code == "" {
				if err != nil || string(r.Body) != `{"proto":"HTTP/2.0"}` {
					t.Errorf("got %v, %v", r, err)
				}
				return
			}
			if e := errorOf(t, err); e.Reason != graphclient.ErrUnreachable || e.Code != c.code {
				t.Errorf("got %v with code %q, want %q", err, e.Code, c.code)
			}
		})
	}
	for name, cfg := range map[string]*tls.Config{
		"no verification": {InsecureSkipVerify: true},
		"TLS 1.0":         {MinVersion: tls.VersionTLS10},
		"at most TLS 1.1": {MaxVersion: tls.VersionTLS11},
	} {
		rt := graphclient.NewTransport()
		rt.TLSClientConfig = cfg
		if _, err := graphclient.New(graphclient.Config{Tenant: tenant, Tokens: &tokens{}, Transport: rt}); err == nil {
			t.Errorf("%s was accepted for Graph", name)
		}
		if _, err := graphclient.NewClientCredentials(graphclient.CredentialsConfig{
			ClientID: "x", Secret: graphclient.NewSecret("x"), Transport: rt,
		}); err == nil {
			t.Errorf("%s was accepted for tokens", name)
		}
	}
}

// A name that resolves to this machine is not connected to, unless it is this
// machine's name.
func TestRebinding(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("reached")
	}))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	rt := graphclient.NewTransport()
	for host, want := range map[string]bool{
		"127.0.0.1": true, "localhost": true,
		// All of these are in the hosts file of some machine or resolve so by custom.
		"ip6-localhost": false, "localhost.localdomain": false,
	} {
		if _, err := net.DefaultResolver.LookupHost(t.Context(), host); err != nil {
			continue // unknown here
		}
		conn, err := rt.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if (err == nil) != want {
			t.Errorf("%s: got %v", host, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}

// Proxies are taken from the environment, but not for loopback.
func TestProxyFromEnvironment(t *testing.T) {
	if rt := graphclient.NewTransport(); rt.Proxy == nil || !rt.DisableCompression || rt.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.Error("the transport lost a setting")
	}
	_, err := graphclient.NewTransport().DialContext(t.Context(), "tcp", "no-port")
	if err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
