// Package webhook posts notifications to a URL, signed.
//
// Every request has the headers
//
//	Webhook-Id          names the delivery; the same at each attempt
//	Webhook-Timestamp   seconds since 1970, when this attempt was made
//	Webhook-Signature   v1=<hex of HMAC-SHA256(secret, timestamp + "." + body)>
//
// and a JSON document as body; see [Body]. A receiver checks it with [Verify]
// and answers with 2xx. It may get a delivery more than once.
//
// Addresses of private networks are refused when a connection is made, after
// names have been resolved, so that a URL cannot be used to reach what is
// behind the firewall, whatever its name resolves to at that time. Redirects
// are not followed, proxies of the environment are not used.
package webhook
