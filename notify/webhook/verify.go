package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// ErrUnverified is reported by [Verify] for a request that is not what it
// claims to be.
var ErrUnverified = errors.New("the signature of the webhook does not fit")

// Window is how far the timestamp of a request may be from the receiver's
// clock.
const Window = 5 * time.Minute

// sign returns the signature of a body at a time.
func sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Verify reports [ErrUnverified] unless one of the signatures in header was made
// with the secret for this body, within [Window] of now. A receiver that must
// not act twice also remembers the Webhook-Id.
func Verify(secret string, header http.Header, body []byte, now time.Time) error {
	at := header.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || secret == "" {
		return ErrUnverified
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > Window || d < -Window {
		return ErrUnverified
	}
	want := []byte(sign(secret, at, body))
	for given := range strings.FieldsSeq(header.Get(headerSignature)) {
		if hmac.Equal(want, []byte(given)) {
			return nil
		}
	}
	return ErrUnverified
}
