package graphclient_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

// resolveTo makes every name that is not in the hosts file resolve to ip.
func resolveTo(t *testing.T, ip netip.Addr) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = old
		_ = conn.Close()
	})
	go func() {
		buf := make([]byte, 512)
		for {
			n, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			// The question with the flags of an answer, and one address if it
			// was for A.
			q := 12 + bytes.IndexByte(buf[12:n], 0) + 5
			msg := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:q]...)
			if buf[q-3] == 1 {
				msg[7] = 1
				msg = append(msg, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				msg = append(msg, ip.AsSlice()...)
			}
			_, _ = conn.WriteTo(msg, peer)
		}
	}()
}

// A name that somebody points at this machine or its neighbours is not
// connected to, and this machine's name leads nowhere else.
func TestRebinding(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	for _, c := range []struct {
		host, ip string
		refused  bool
	}{
		{"graph.example", "127.0.0.1", true},
		{"graph.example", "127.8.8.8", true},
		{"graph.example", "0.0.0.0", true},
		{"graph.example", "169.254.169.254", true},
		{"graph.example", "224.0.0.1", true},
		{"graph.localhost", "192.0.2.1", true},
		{"graph.localhost", "127.0.0.1", false},
		{"127.0.0.1", "192.0.2.1", false},
	} {
		t.Run(c.host+" is "+c.ip, func(t *testing.T) {
			resolveTo(t, netip.MustParseAddr(c.ip))
			rt := graphclient.NewTransport()
			conn, err := rt.DialContext(t.Context(), "tcp", net.JoinHostPort(c.host, port))
			if err == nil {
				_ = conn.Close()
			}
			if c.refused != errors.Is(err, graphclient.ErrAddress) || !c.refused && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What the transport is documented to do and no server can see.
func TestTransportSettings(t *testing.T) {
	if rt := graphclient.NewTransport(); rt.Proxy == nil || !rt.DisableCompression || rt.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.Error("the transport lost a setting")
	}
}
