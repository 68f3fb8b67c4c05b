package inventory_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestSecrets looks for every secret of a tenant in everything that is stored.
func TestSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := graphtest.DemoTenant(3, 1)
		payload := base64.StdEncoding.EncodeToString([]byte(`<plist><dict><key>Password</key><string>correct-horse-payload</string></dict></plist>`))
		for path, object := range map[string]string{
			"deviceManagement/deviceConfigurations wifi":    `"@odata.type":"#microsoft.graph.windowsWifiConfiguration","preSharedKey":"correct-horse-battery"`,
			"deviceManagement/deviceConfigurations kiosk":   `"@odata.type":"#microsoft.graph.androidDeviceOwnerGeneralDeviceConfiguration","kioskModeExitCode":"correct-horse-exit"`,
			"deviceManagement/deviceConfigurations new":     `"@odata.type":"#microsoft.graph.typeOfTomorrow","nested":[{"deeper":{"clientSecret":"correct-horse-nested"}}]`,
			"deviceManagement/deviceConfigurations payload": `"@odata.type":"#microsoft.graph.iosCustomConfiguration","payload":"` + payload + `"`,
			"deviceAppManagement/mobileAppConfigurations app": `"@odata.type":"#microsoft.graph.iosMobileAppConfiguration",` +
				`"settings":[{"appConfigKey":"apiToken","appConfigKeyType":"stringType","appConfigKeyValue":"correct-horse-app"}]`,
		} {
			path, id, _ := strings.Cut(path, " ")
			doc[path] = append(doc[path], json.RawMessage(`{"id":"`+id+`","displayName":"`+id+`",`+object+`}`))
		}
		secrets := append(secretsOf(t, doc), "correct-horse", payload)
		if len(secrets) < 8 {
			t.Fatalf("the tenant has only %d secrets", len(secrets))
		}
		w := newWorld(t, options{doc: doc})
		run := w.sync(`{}`, runs.OutcomeSucceeded)
		record, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		stored := [][]byte{record}
		for ref := range w.items(inventory.Query{}) {
			doc := w.get(ref.Kind, ref.ID)
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, raw)
		}
		if len(stored) < 50 {
			t.Errorf("only %d documents are stored", len(stored))
		}
		for i, secret := range secrets {
			for _, raw := range stored {
				if bytes.Contains(raw, []byte(secret)) {
					t.Errorf("secret %d of %d is stored: %.200s", i, len(secrets), raw)
				}
			}
		}
	})
}

// secretsOf returns the values in a tenant that may not be kept.
func secretsOf(t *testing.T, doc graphtest.Document) []string {
	t.Helper()
	var values []string
	for path, objects := range doc {
		for _, object := range objects {
			typ := contract.Classify("/"+path, str(contract.Member(object, "@odata.type")))
			if typ == nil {
				continue
			}
			_, secrets, err := typ.Redact(nil, object)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range secrets {
				if s.State != contract.SecretWithheld && s.State != contract.SecretDropped {
					continue
				}
				if text, ok := at(t, object, s.Pointer).(string); ok && len(text) > 5 {
					values = append(values, text)
				}
			}
		}
	}
	return values
}

// at returns the value that a JSON pointer leads to.
func at(t *testing.T, doc json.RawMessage, pointer string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	for _, step := range strings.Split(pointer, "/")[1:] {
		switch o := v.(type) {
		case map[string]any:
			v = o[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil {
				t.Fatal(err)
			}
			v = o[i]
		}
	}
	return v
}

func TestPacker(t *testing.T) {
	var p inventory.Packer
	for _, doc := range []string{"", "{}", `{"a":"` + strings.Repeat("long ", 10_000) + `"}`} {
		packed, err := p.Pack([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Unpack(packed)
		if err != nil || string(got) != doc {
			t.Errorf("Unpack(Pack(%.20q)) = %.20q, %v", doc, got, err)
		}
		if len(doc) > 1000 && len(packed) > len(doc)/10 {
			t.Errorf("%d bytes were packed into %d", len(doc), len(packed))
		}
	}
	if _, err := p.Unpack([]byte("not packed")); err == nil {
		t.Error("Unpack of something else: no error")
	}
}
