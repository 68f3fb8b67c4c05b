package contract

import (
	"net/url"
	"strings"
)

// expand puts an id in the place of "{parent}".
func expand(path, parent string) string {
	return strings.ReplaceAll(path, "{parent}", pathEscape(parent))
}

// castPath puts the type cast in the place of "{type}".
func castPath(path, odataType string) string {
	return strings.ReplaceAll(path, "{type}", "microsoft.graph."+odataType)
}

func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// pathEscape escapes an id for a path segment. Ids of default objects hold
// underscores, those of assignments colons; nothing but a slash or a quote
// has ever needed it.
func pathEscape(id string) string { return url.PathEscape(id) }

// odataName cuts "#microsoft.graph." off.
func odataName(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "#"), "microsoft.graph.")
}

func matchAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if match(p, name) {
			return true
		}
	}
	return false
}

// match reports whether name has the form of pattern, in which each "*"
// stands for any characters.
func match(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for {
		var part string
		part, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
}
