package webhook

import (
	"net"
	"net/netip"
)

// Resolve makes w ask this resolver for addresses.
func (w *Webhook) Resolve(r *net.Resolver) { w.client = newClient(w.cfg.Allow, r) }

// Reachable reports whether a connection to ip may be made.
func Reachable(ip netip.Addr, allow []netip.Prefix) bool { return reachable(ip, allow) }
