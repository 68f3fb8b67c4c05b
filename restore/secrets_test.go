package restore_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// Secrets that nobody has made a table of are in no archive and in no preview. An
// object that has one is not written again; as long as it is there, it is the one
// that was captured.
func TestSecretsNeedInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payload := base64.StdEncoding.EncodeToString([]byte(`<plist><dict><key>Password</key><string>correct-horse</string></dict></plist>`))
		const profiles = "deviceManagement/deviceConfigurations"
		var all []string
		for id, object := range map[string]string{
			"wifi":    `"@odata.type":"#microsoft.graph.windowsWifiConfiguration","wifiSecurityType":"wpa2Personal","preSharedKey":null`,
			"licence": `"@odata.type":"#microsoft.graph.editionUpgradeConfiguration","productKey":"correct-horse"`,
			"payload": `"@odata.type":"#microsoft.graph.iosCustomConfiguration","payloadName":"x","payload":"` + payload + `"`,
			"vpn":     `"@odata.type":"#microsoft.graph.iosVpnConfiguration","connectionName":"x","customData":[{"key":"sharedSecret","value":"correct-horse"}]`,
			"plain":   `"@odata.type":"#microsoft.graph.iosVpnConfiguration","connectionName":"x","customData":[{"key":"site","value":"x"}]`,
		} {
			all = append(all, `{"id":"`+id+`","displayName":"`+id+`",`+object+`}`)
		}
		w := newWorld(t, docs(profiles, all...))
		set := w.backup()
		clean := func(where string, doc []byte) {
			if bytes.Contains(doc, []byte("correct-horse")) || bytes.Contains(doc, []byte(payload)) {
				t.Errorf("%s shows a secret: %s", where, doc)
			}
		}
		for name, doc := range w.exported(set) {
			clean(name, doc)
		}
		decisions := func(want map[string]restore.Decision) {
			t.Helper()
			r := w.plan(contoso, set.ID)
			w.preview(contoso, r.ID)
			items := w.items(contoso, r.ID)
			if len(items) != len(all) {
				t.Errorf("the preview has %d items, want %d", len(items), len(all))
			}
			for ref, i := range items {
				if i.Decision != want[ref.ID] {
					t.Errorf("%s: %s %s %s, want %s", ref.ID, i.Decision, i.Reason, i.Message, want[ref.ID])
				}
				doc, err := json.Marshal(i)
				if err != nil {
					t.Fatal(err)
				}
				clean("the preview", doc)
			}
		}
		decisions(map[string]restore.Decision{
			"wifi": restore.Unchanged, "licence": restore.Unchanged, "payload": restore.Unchanged, "vpn": restore.Unchanged, "plain": restore.Unchanged,
		})
		at := w.server.Tenant(contoso)
		for id, patch := range map[string]string{
			"plain": `{"customData":[{"key":"password","value":"correct-horse"}]}`, // is there, and was not captured
			"vpn":   `{"customData":[{"key":"sharedSecret","value":"correct-horse"},{"key":"site","value":"x"}]}`,
		} {
			if err := at.Patch(profiles, id, json.RawMessage(patch)); err != nil {
				t.Fatal(err)
			}
		}
		decisions(map[string]restore.Decision{
			"wifi": restore.Unchanged, "licence": restore.Unchanged, "payload": restore.Unchanged, "vpn": restore.NeedsInput, "plain": restore.Update,
		})
		w.wipe()
		decisions(map[string]restore.Decision{
			"wifi": restore.NeedsInput, "licence": restore.NeedsInput, "payload": restore.NeedsInput, "vpn": restore.NeedsInput, "plain": restore.Create,
		})
	})
}

// exported returns the files of an archive of a set, by name.
func (w *world) exported(set *backup.Set) map[string][]byte {
	w.t.Helper()
	var archive bytes.Buffer
	if err := backup.Export(w.t.Context(), w.backups.Store, w.backups.Vault, contoso, set.ID, &archive); err != nil {
		w.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		w.t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			w.t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			w.t.Fatal(err)
		}
	}
	return files
}
