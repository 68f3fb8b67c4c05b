package contract

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Summary is what a list shows of an object.
type Summary struct {
	ID       string // empty if the object has none, as some singletons
	Name     string // empty if the object has none
	OData    string // @odata.type without "#microsoft.graph.", or else the one that its list has
	Platform Platform
	Modified time.Time // zero if the object does not say
	// ScopeTags are the ids of scope tags; nil if the object does not say or
	// has none.
	ScopeTags []string
	// Count is how many entries the object says its counted child has; -1 if
	// it does not say. See [Child].
	Count int
	// Provided means that the service made the object; see [Type].
	Provided bool
}

// Summarize returns what a list shows of doc, which has to be valid JSON. It
// reports an error if doc is no object; properties of an unexpected shape
// count as absent.
func (t *Type) Summarize(doc []byte) (Summary, error) {
	s := Summary{Count: -1}
	if t.plain && len(t.Lists) == 1 {
		s.OData = t.OData[0]
	}
	var platform string
	counts := t.counts()
	err := members(doc, func(m member) {
		key, value := string(m.key), m.value
		switch key {
		case "id":
			s.ID, _ = text(value)
		case "@odata.type":
			if name, ok := text(value); ok {
				s.OData = odataName(name)
			}
		case "lastModifiedDateTime", "modifiedDateTime":
			if at := modified(value); at.After(s.Modified) {
				s.Modified = at
			}
		case "roleScopeTagIds", "roleScopeTags":
			s.ScopeTags = texts(value)
		case "platforms", "platform", "platformType", "policyPlatform", "deviceCleanupRulePlatformType":
			platform, _ = text(value)
		case counts:
			if n, err := strconv.Atoi(string(value)); err == nil {
				s.Count = n
			}
		}
		if key == t.Name || s.Name == "" && t.isName(key) {
			s.Name, _ = text(value)
		}
		s.Provided = s.Provided || t.isProvided(key, value)
	})
	if err != nil {
		return Summary{}, fmt.Errorf("summarize %s: %w", t.Key, err)
	}
	s.Platform = t.platform(platform, s.OData)
	return s, nil
}

// counts returns the property that counts a child of t.
func (t *Type) counts() string {
	for _, c := range t.Read.Children {
		if c.Count != "" {
			return c.Count
		}
	}
	return ""
}

// isName reports whether objects of one of t's lists have their name there.
func (t *Type) isName(key string) bool {
	for _, l := range t.Lists {
		if l.Name != "" && l.Name == key {
			return true
		}
	}
	return false
}

func (t *Type) isProvided(key string, value []byte) bool {
	for _, m := range t.Provided {
		if m.Property == key && m.Value == strings.Trim(string(value), `"`) {
			return true
		}
	}
	return false
}

// platform returns t's platform or else that of an object whose property and
// type are given.
func (t *Type) platform(property, odataType string) Platform {
	if t.Platform != NoPlatform {
		return t.Platform
	}
	if p := platformOf(property); p != NoPlatform {
		return p
	}
	return platformOf(odataType)
}

func modified(value []byte) time.Time {
	s, _ := text(value)
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// texts returns the strings of the JSON array value.
func texts(value []byte) []string {
	var out []string
	elements(value, func(_ int, v []byte) {
		if s, ok := text(v); ok {
			out = append(out, s)
		}
	})
	return out
}
