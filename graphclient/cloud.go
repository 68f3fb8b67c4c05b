package graphclient

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// A Cloud is where a tenant lives: Graph and the service that issues tokens
// for it. The zero Cloud is [GlobalCloud].
//
// Both are a scheme and a host, with a port if it is not the scheme's own:
// "https://graph.microsoft.com". Plain http is for loopback addresses only.
type Cloud struct {
	Graph string
	Login string
}

// GlobalCloud returns the worldwide service, which GCC shares.
func GlobalCloud() Cloud {
	return Cloud{"https://graph.microsoft.com", "https://login.microsoftonline.com"}
}

// USGovCloud returns the service for GCC High (L4).
func USGovCloud() Cloud {
	return Cloud{"https://graph.microsoft.us", "https://login.microsoftonline.us"}
}

// USGovDoDCloud returns the service for the US Department of Defense (L5).
func USGovDoDCloud() Cloud {
	return Cloud{"https://dod-graph.microsoft.us", "https://login.microsoftonline.us"}
}

// ChinaCloud returns the service that 21Vianet operates in China.
func ChinaCloud() Cloud {
	return Cloud{"https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"}
}

// orGlobal fills in the default.
func (c Cloud) orGlobal() Cloud {
	if c == (Cloud{}) {
		return GlobalCloud()
	}
	return c
}

// scopes returns what an app-only token for c's Graph is asked for.
func (c Cloud) scopes() []string { return []string{strings.TrimSuffix(c.Graph, "/") + "/.default"} }

// An origin is a scheme, a host and a port: the only place a token goes to.
type origin struct {
	scheme string // "https" or "http"
	host   string // as it goes into the URL: lower case, port only if not the default
}

func (o origin) String() string { return o.scheme + "://" + o.host }

// parseOrigin reads s, which configuration gave, as an origin. Its error does
// not repeat s, which may hold a password.
func parseOrigin(what, s string) (origin, error) {
	u, err := url.Parse(s)
	if err != nil {
		return origin{}, fmt.Errorf("graphclient: the %s address is not a URL", what)
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return origin{}, fmt.Errorf("graphclient: the %s address needs the scheme https", what)
	case u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		return origin{}, fmt.Errorf("graphclient: the %s address must be a scheme and a host", what)
	case !plainHost(u.Hostname()):
		return origin{}, fmt.Errorf("graphclient: the %s address has no valid host", what)
	case u.Scheme == "http" && !loopbackName(u.Hostname()):
		return origin{}, fmt.Errorf("graphclient: the %s address is plain http and not loopback", what)
	}
	o := origin{u.Scheme, strings.ToLower(u.Host)}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return origin{}, fmt.Errorf("graphclient: the %s address has no valid port", what)
		}
		o.host = strings.TrimSuffix(o.host, defaultPort(o.scheme))
	}
	o.host = strings.TrimSuffix(o.host, ":")
	return o, nil
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return ":80"
	}
	return ":443"
}

// plainHost reports whether h is an address or a name of ASCII letters,
// digits, hyphens and dots that does not end in a dot.
func plainHost(h string) bool {
	if _, err := netip.ParseAddr(h); err == nil {
		return !strings.Contains(h, "%")
	}
	if h == "" || strings.HasSuffix(h, ".") || strings.HasPrefix(h, ".") {
		return false
	}
	for i := range len(h) {
		c := h[i]
		if !isAlnum(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// loopbackName reports whether h means this machine without asking anybody.
func loopbackName(h string) bool {
	if a, err := netip.ParseAddr(h); err == nil {
		return a.IsLoopback()
	}
	h = strings.ToLower(h)
	return h == "localhost" || strings.HasSuffix(h, ".localhost")
}
