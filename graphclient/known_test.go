package graphclient_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// The texts that services are known to refuse requests with.
func TestKnownCauses(t *testing.T) {
	for text, want := range map[string]graphclient.Cause{
		"Cannot create an abstract class.":                                          graphclient.CauseAbstractType,
		"The property 'isAssigned' is read-only and cannot be set":                  graphclient.CauseReadOnly,
		"Added a tag which is not allowed by the current role: 0":                   graphclient.CauseScopeTag,
		"Scope Tags validation failed : Filters 0d0d":                               graphclient.CauseUnknownFilter,
		"The app is not yet published":                                              graphclient.CauseNotPublished,
		"1133: Security Defaults is enabled in the tenant. You must disable it":     graphclient.CauseDefaults,
		"compliance policy must have ONE AND ONLY ONE block scheduled action today": graphclient.CauseBlockAction,
		"Something else": "",
	} {
		client := newClient(t, script(says(400, nested(text, "", "null"))), func(cfg *graphclient.Config) { cfg.MaxAttempts = 1 })
		_, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
		if got := errorOf(t, err).Cause; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
