package restore_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
)

// Every kind that can be restored is restored, and every way of writing is used:
// most when all is lost, and those that belong to something that no restore brings
// when that is there.
func TestEveryKind(t *testing.T) {
	done := make(map[string]bool)
	for _, lose := range []func(w *world){(*world).wipe, loseParts} {
		synctest.Test(t, func(t *testing.T) {
			doc := graphtest.DemoTenant(1, 1)
			for path, more := range withoutSecrets() {
				doc[path] = append(doc[path], more...)
			}
			w := newWorld(t, doc)
			set := w.backup()
			lose(w)
			r := w.plan(contoso, set.ID)
			w.preview(contoso, r.ID)
			w.execute(contoso, r.ID)
			for ref, i := range w.items(contoso, r.ID) {
				if i.Decision.Writes() && i.Result != restore.Verified {
					t.Errorf("%v %q is %s (%s %s), want verified: %+v", ref, i.Name, i.Result, i.Reason, i.Message, i.Changes)
				}
				done[ref.Kind] = done[ref.Kind] || i.Result == restore.Verified
			}
			w.settled(contoso, set.ID, nil)
		})
	}
	for typ := range contract.All() {
		if typ.Write.Support == contract.Restorable && !done[typ.Key] {
			t.Errorf("no %s was restored, which is written as %q", typ.Key, typ.Write.Shape)
		}
	}
}

// loseParts takes away, or changes, what belongs to something else, and leaves that
// there.
func loseParts(w *world) {
	w.t.Helper()
	at := w.server.Tenant(contoso)
	change := func(path, id, patch string) {
		w.t.Helper()
		if err := at.Patch(path, id, []byte(patch)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, path := range []string{"deviceAppManagement/policySets", "deviceAppManagement/mobileAppConfigurations"} {
		for _, id := range at.IDs(path) {
			if err := at.Delete(path, id); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for _, id := range at.IDs("deviceManagement/depOnboardingSettings") {
		change("deviceManagement/depOnboardingSettings", id, `{"enrollmentProfiles":[]}`)
	}
	for _, id := range at.IDs("deviceAppManagement/mobileApps") {
		doc, err := at.Get("deviceAppManagement/mobileApps", id)
		if err != nil {
			w.t.Fatal(err)
		}
		if contract.Member(doc, "relationships") != nil {
			change("deviceAppManagement/mobileApps", id, `{"relationships":[]}`)
		}
	}
	change("deviceManagement/settings", "settings", `{"secureByDefault":false}`)
}

// withoutSecrets are objects of kinds that have secrets in the demo tenant.
func withoutSecrets() graphtest.Document {
	return graphtest.Document{
		"deviceManagement/deviceConfigurations":           {json.RawMessage(`{"@odata.type":"#microsoft.graph.windows10CustomConfiguration","id":"c1","displayName":"Telemetry","roleScopeTagIds":["0"],"version":1,"omaSettings":[{"@odata.type":"#microsoft.graph.omaSettingInteger","displayName":"Telemetry","omaUri":"./Device/Telemetry","isEncrypted":false,"secretReferenceValueId":null,"value":1}],"assignments":[]}`)},
		"deviceManagement/deviceEnrollmentConfigurations": {json.RawMessage(`{"@odata.type":"#microsoft.graph.deviceComanagementAuthorityConfiguration","id":"c2","displayName":"Pilots","priority":2,"roleScopeTagIds":["0"],"version":1,"deviceEnrollmentConfigurationType":"deviceComanagementAuthorityConfiguration","installConfigurationManagerAgent":true,"managedDeviceAuthority":0,"assignments":[]}`)},
	}
}
