package graphclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

// networkCode names what kept an answer from coming, without a word of err,
// which may hold addresses and queries.
func networkCode(ctx context.Context, err error) string {
	var (
		dns    *net.DNSError
		record tls.RecordHeaderError
		verify *tls.CertificateVerificationError
		timed  net.Error
	)
	switch {
	case errors.Is(context.Cause(ctx), errStalled):
		return "stalled"
	case errors.Is(err, errAddress):
		return "address"
	case errors.As(err, &verify), errors.As(err, new(x509.UnknownAuthorityError)), errors.As(err, new(x509.HostnameError)):
		return "certificate"
	case errors.As(err, &record):
		return "tls"
	case errors.As(err, &dns):
		return "dns"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "cut"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	case errors.As(err, &timed) && timed.Timeout():
		return "timeout"
	default:
		return "network"
	}
}

// usage returns how much of the limit Graph says is used, and what the
// request cost, where it does say.
func usage(h http.Header) (load float64, cost int) {
	if f, err := strconv.ParseFloat(h.Get("X-Ms-Throttle-Limit-Percentage"), 64); err == nil && f > 0 && f < 100 {
		load = f
	}
	if n, err := strconv.Atoi(h.Get("X-Ms-Resource-Unit")); err == nil && n > 0 && n <= 100 {
		cost = n
	}
	return load, cost
}

// plainHeader reports whether s can be the value of a header.
func plainHeader(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' })
}
