package graphclient

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// NewTransport returns the transport that a [Client] uses by itself, for
// callers that need to set a root certificate, a proxy or a dialer on it: it
// verifies certificates, needs TLS 1.2, speaks HTTP/2, follows the proxy
// environment, and does not decompress.
//
// It connects to loopback, link-local and unspecified addresses only when the
// host is a loopback name or is itself such an address: a name that somebody
// points there is not followed.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: 256 << 10,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    15 * time.Second,
	}
}

// errAddress is what a refused address ends with.
var errAddress = errors.New("graphclient: the name leads to an address that is not allowed")

// dial connects, having looked at the address that the name resolved to: the
// only moment at which nobody can exchange it any more.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	_, perr := netip.ParseAddr(host)
	literal, loopback := perr == nil, loopbackName(host)
	d := net.Dialer{
		Timeout:   15 * time.Second,
		KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return errAddress
			}
			ip := ap.Addr().Unmap()
			inside := ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
			switch {
			case literal, loopback && ip.IsLoopback(), !loopback && !inside:
				return nil
			default:
				return errAddress
			}
		},
	}
	return d.DialContext(ctx, network, addr)
}

// checkTransport returns rt, or a transport of its own for nil. It refuses
// one that would send tokens to whoever answers.
func checkTransport(rt http.RoundTripper) (http.RoundTripper, error) {
	if rt == nil {
		return NewTransport(), nil
	}
	if t, ok := rt.(*http.Transport); ok && t.TLSClientConfig != nil {
		switch c := t.TLSClientConfig; {
		case c.InsecureSkipVerify:
			return nil, errors.New("graphclient: the transport does not verify certificates")
		case c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12, c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS12:
			return nil, errors.New("graphclient: the transport allows less than TLS 1.2")
		}
	}
	return rt, nil
}
