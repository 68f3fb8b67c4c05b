package contract_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// TestSecretNames holds the rule against names that nobody has put into a table.
func TestSecretNames(t *testing.T) {
	typ := contract.Unknown("/of/tomorrow")
	for name, want := range map[string]bool{
		"password": true, "wifiPassword": true, "WIFI_PASSWORD": true, "adminpassword": true, "passwords": true, "PASSWORD": true,
		"passcode": true, "preSharedKey": true, "presharedkey": true, "sharedSecret": true, "clientSecret": true, "AAUTHSECRET": true,
		"secretText": true, "secretValue": true, "token": true, "accessToken": true, "refresh_token": true, "tokens": true,
		"privateKey": true, "apiKey": true, "API_KEY": true, "accountKeys": true, "workspaceKey": true, "productKey": true,
		"pin": true, "devicePin": true, "SIM_PIN": true, "psk": true, "wpaPSK": true, "credentials": true, "kioskModeExitCode": true,
		"pfx": true, "encryptedPfxBlob": true, "someOffboardingBlob": true, "license": true, "keyMaterial": true, "com.vendor.app.password": true,

		"": false, "s": false, "key": false, "keys": false, "monkey": false, "registryKey": false, "publicKey": false, "appConfigKey": false,
		"keyUsage": false, "passwordMinimumLength": false, "passwordRequiredType": false, "tokenExpirationDateTime": false,
		"secretReferenceValueId": false, "vppTokenId": false, "shipping": false, "spin": false, "certificatePins": false,
		"productCode": false, "languageCode": false, "exitCode": false, "trustedRootCertificate": false, "licenseType": false,
		"passwordRequired": false, "tokenUsed": false,
		"passwordChangeUrl": false, "recoveryOptions": false, "value": false, "keyValue": false, "blob": false, "compass": false,
	} {
		for _, form := range []string{`{"a":[{"b":{%q:"geheim"}}]}`, `{"a":[{"b":{%q:["geheim"]}}]}`} {
			doc := strings.Replace(form, "%q", quote(t, name), 1)
			kept, secrets, err := typ.Redact(nil, []byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			if got := !strings.Contains(string(kept), "geheim"); got != want || got != (len(secrets) == 1) {
				t.Errorf("%s is kept as %s, with the secrets %v", doc, kept, secrets)
			}
		}
	}
}

func TestSecretValues(t *testing.T) {
	const xmlPayload = `<?xml version="1.0" encoding="UTF-8"?><plist><dict><key>SSID_STR</key><string>Harbour</string>` +
		`<key>Password</key>%s<key>PayloadType</key><string>com.apple.wifi.managed</string></dict></plist>`
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	type secrets map[string]contract.SecretState
	for _, tt := range []struct {
		name, doc, want string
		secrets         secrets
	}{
		{"nothing is no secret", `{"password":"","token":null,"pin":0,"apiKey":[],"passwords":[""]}`, "", nil},
		{"neither is a switch", `{"blankPassword":"true","clearToken":"disabled","hidePin":"<enabled/>"}`, "", nil},
		{"nor what is filled in for each user", `{"password":"{{devicesecret}}"}`, "", nil},
		{"but what is added to that is", `{"password":"{{serial}}-geheim{{x}}"}`, `{"password":"****"}`, secrets{"/password": contract.SecretWithheld}},
		{"a mask of any name", `{"somethingNew":["****",{"x":"PGEvPg=="}]}`, "", secrets{
			"/somethingNew/0": contract.SecretMasked, "/somethingNew/1/x": contract.SecretMasked,
		}},
		{"wildcards are none", `{"domains":["*","**"],"version":"*","password":"{{x}}"}`, "", nil},
		{
			"an object in the place of a secret", `{"password":{"@odata.type":"x","value":"geheim"}}`, `{"password":{"@odata.type":"x","value":"****"}}`,
			secrets{"/password/value": contract.SecretWithheld},
		},

		{
			"a setting of an app", `{"settings":[{"appConfigKey":"com.vendor.password","appConfigKeyType":"stringType","appConfigKeyValue":"geheim"},{"appConfigKey":"site","appConfigKeyValue":"x"}]}`,
			`{"settings":[{"appConfigKey":"com.vendor.password","appConfigKeyType":"stringType","appConfigKeyValue":"****"},{"appConfigKey":"site","appConfigKeyValue":"x"}]}`,
			secrets{"/settings/0/appConfigKeyValue": contract.SecretWithheld},
		},
		{
			"a pair, whatever comes first", `{"customSettings":[{"value":"geheim","name":"apiToken"},{"name":"Ask for a password","value":"yes"}]}`,
			`{"customSettings":[{"value":"****","name":"apiToken"},{"name":"Ask for a password","value":"yes"}]}`,
			secrets{"/customSettings/0/value": contract.SecretWithheld},
		},
		{
			"a setting of an intent", `{"settings":[{"definitionId":"deviceConfiguration--x_advancedThreatProtectionOnboardingBlob","valueJson":"\"geheim\""},
			{"definitionId":"deviceConfiguration--x_userRightsCreateToken","valueJson":"[{\"name\":\"x\"}]"},{"definitionId":"x_hidePersonalRecoveryKey","valueJson":"true"}]}`,
			`{"settings":[{"definitionId":"deviceConfiguration--x_advancedThreatProtectionOnboardingBlob","valueJson":"****"},` +
				`{"definitionId":"deviceConfiguration--x_userRightsCreateToken","valueJson":"[{\"name\":\"x\"}]"},{"definitionId":"x_hidePersonalRecoveryKey","valueJson":"true"}]}`,
			secrets{"/settings/0/valueJson": contract.SecretWithheld},
		},
		{
			"the parameter of a script", `{"detectionScriptParameters":[{"name":"ApiKey","defaultValue":"geheim"}]}`,
			`{"detectionScriptParameters":[{"name":"ApiKey","defaultValue":"****"}]}`,
			secrets{"/detectionScriptParameters/0/defaultValue": contract.SecretWithheld},
		},
		{
			"a setting of the catalog that Microsoft does not call secret", `{"settings":[{"settingInstance":{"settingDefinitionId":"x_cloudmanagementenrollmenttoken","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"geheim"}}},
			{"settingInstance":{"settingDefinitionId":"x_token","choiceSettingValue":{"value":"x_token_1"}}},{"settingInstance":{"settingDefinitionId":"x_list_key","simpleSettingValue":{"value":"x"}}}]}`,
			`{"settings":[{"settingInstance":{"settingDefinitionId":"x_cloudmanagementenrollmenttoken","simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue","value":"****"}}},` +
				`{"settingInstance":{"settingDefinitionId":"x_token","choiceSettingValue":{"value":"x_token_1"}}},{"settingInstance":{"settingDefinitionId":"x_list_key","simpleSettingValue":{"value":"x"}}}]}`,
			secrets{"/settings/0/settingInstance/simpleSettingValue/value": contract.SecretWithheld},
		},
		{
			"an open setting with a telling address", `{"omaSettings":[{"omaUri":"./Vendor/User/Password","value":"geheim"}]}`,
			`{"omaSettings":[{"omaUri":"./Vendor/User/Password","value":"****"}]}`,
			secrets{"/omaSettings/0/value": contract.SecretWithheld},
		},

		{
			"the payload of a profile", `{"payload":"` + encoded(strings.Replace(xmlPayload, "%s", "<string>geheim</string>", 1)) + `"}`,
			`{"payload":"` + encoded(strings.Replace(xmlPayload, "%s", "<string>****</string>", 1)) + `"}`,
			secrets{"/payload": contract.SecretWithheld},
		},
		{
			"one that was redacted before", `{"payload":"` + encoded(strings.Replace(xmlPayload, "%s", "<string>****</string>", 1)) + `"}`, "",
			secrets{"/payload": contract.SecretMasked},
		},
		{"one without a secret", `{"payload":"` + encoded(strings.Replace(xmlPayload, "%s", "<true/>", 1)) + `"}`, "", nil},
		{
			"the settings of an Android app", `{"payloadJson":"` + encoded(`{"managedProperty":[{"key":"site","valueString":"x"},{"key":"password","valueString":"geheim"}]}`) + `"}`,
			`{"payloadJson":"` + encoded(`{"managedProperty":[{"key":"site","valueString":"x"},{"key":"password","valueString":"****"}]}`) + `"}`,
			secrets{"/payloadJson": contract.SecretWithheld},
		},
		{
			"a list of settings", `{"payloadJson":"` + encoded(`[{"key":"password","valueString":"geheim"}]`) + `"}`,
			`{"payloadJson":"` + encoded(`[{"key":"password","valueString":"****"}]`) + `"}`,
			secrets{"/payloadJson": contract.SecretWithheld},
		},
		{
			"a name that is written in another way", `{"settings":[{"name":"p\u0061ssword","value":"geheim"}]}`,
			`{"settings":[{"name":"p\u0061ssword","value":"****"}]}`,
			secrets{"/settings/0/value": contract.SecretWithheld},
		},
		{
			"an exported Wi-Fi profile", `{"payload":"` + encoded(`<WLANProfile><keyType>passPhrase</keyType><keyMaterial>geheim &amp; lang</keyMaterial></WLANProfile>`) + `"}`,
			`{"payload":"` + encoded(`<WLANProfile><keyType>passPhrase</keyType><keyMaterial>****</keyMaterial></WLANProfile>`) + `"}`,
			secrets{"/payload": contract.SecretWithheld},
		},
		{
			"attributes", `{"configurationXml":"<wap><parm name='AAUTHSECRET' value='geheim'/><parm name=\"NAP\" value=\"x\"/><Product ID=\"a\" PIDKEY=\"geheim\"/></wap>"}`,
			`{"configurationXml":"\u003cwap\u003e\u003cparm name='AAUTHSECRET' value='****'/\u003e\u003cparm name=\"NAP\" value=\"x\"/\u003e\u003cProduct ID=\"a\" PIDKEY=\"****\"/\u003e\u003c/wap\u003e"}`,
			secrets{"/configurationXml": contract.SecretWithheld},
		},
		{"a script is no document", `{"scriptContent":"` + encoded(`<# password=x #> Get-Item`) + `"}`, "", nil},

		{"a key that is set and not given", `{"preSharedKeyIsSet":true,"preSharedKey":null}`, "", secrets{"/preSharedKey": contract.SecretMasked}},
		{"a network that cannot be without", `{"wiFiSecurityType":"wpa2Personal"}`, "", secrets{"/preSharedKey": contract.SecretMasked}},
		{"one that can", `{"wiFiSecurityType":"wpa2Enterprise","preSharedKey":null,"preSharedKeyIsSet":false}`, "", nil},
		{"a tunnel that cannot", `{"authenticationMethod":"sharedSecret","sharedSecret":""}`, "", secrets{"/sharedSecret": contract.SecretMasked}},
		{"a switch about switches", `{"disableAppPinIfDevicePinIsSet":true}`, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.want = tt.doc
			}
			kept, found, err := contract.Unknown("/of/tomorrow").Redact(nil, []byte(tt.doc))
			if err != nil || string(kept) != tt.want {
				t.Errorf("got  %s, %v\nwant %s", kept, err, tt.want)
			}
			var got secrets
			for _, s := range found {
				if got == nil {
					got = secrets{}
				}
				got[s.Pointer] = s.State
			}
			if diff := cmp.Diff(tt.secrets, got); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}

// The same name is none where it means something else.
func TestOpenNames(t *testing.T) {
	doc := []byte(`{"@odata.type":"#microsoft.graph.microsoftStoreForBusinessApp","productKey":"9WZDNCRFJ3PZ"}`)
	kept, secrets, err := lookup(t, "mobileApp").Redact(nil, doc)
	if err != nil || len(secrets) > 0 || !bytes.Equal(kept, doc) {
		t.Errorf("an app is kept as %s, %v, %v", kept, secrets, err)
	}
}

// A form shows no secret, so that nothing that is compared does, and tells apart
// what else has changed, within a payload too.
func TestNormalizeSecrets(t *testing.T) {
	typ := lookup(t, "customConfiguration")
	payload := func(ssid, password string) []byte {
		inner := `<plist><dict><key>SSID_STR</key><string>` + ssid + `</string><key>Password</key><string>` + password + `</string></dict></plist>`
		return []byte(`{"displayName":"x","payload":"` + base64.StdEncoding.EncodeToString([]byte(inner)) + `"}`)
	}
	same, other := normalize(t, typ, payload("harbour", "one")), normalize(t, typ, payload("harbour", "two"))
	if !bytes.Equal(same, other) {
		t.Errorf("the form goes by the secret:\n%s\n%s", same, other)
	}
	if moved := normalize(t, typ, payload("pier", "one")); bytes.Equal(same, moved) {
		t.Errorf("the form does not show what changed beside a secret: %s", same)
	}
	for _, doc := range []string{`{"a":{"clientSecret":"clear"},"b":1}`, `{"a":{"clientSecret":"****"},"b":1}`, `{"a":{"clientSecret":null},"b":1}`} {
		if got := string(normalize(t, typ, []byte(doc))); got != `{"a":{},"b":1}` {
			t.Errorf("the form of %s is %s", doc, got)
		}
	}
}

// FuzzRedact checks that what is kept holds nothing more to redact, and is the same
// configuration.
func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"a":{"clientSecret":"clear","n":[{"name":"pin","value":"1234"}]}}`))
	f.Add([]byte(`{"payload":"<a b='c' password=\"x\"><key>Password</key><string>x</string></a>"}`))
	f.Add([]byte(`{"payloadJson":"eyJwYXNzd29yZCI6IngifQ==","wifiSecurityType":"wep"}`))
	f.Add([]byte(`{"x":"{\"x\":\"{\\\"token\\\":\\\"t\\\"}\"}","omaSettings":[{"isEncrypted":true,"value":"x"}],"y":"\ufeff<token>t</token>"}`))
	typ := contract.Unknown("/of/tomorrow")
	f.Fuzz(func(t *testing.T, doc []byte) {
		kept, found, err := typ.Redact(nil, doc)
		if err != nil {
			return
		}
		// Whether a document is worth a closer look makes no difference. This key
		// always is.
		body := bytes.TrimSpace(doc)[1:]
		closer := []byte(`{"\u007a":1`)
		if rest := bytes.TrimSpace(body); rest[0] != '}' {
			closer = append(closer, ',')
		}
		if _, more, err := typ.Redact(nil, append(closer, body...)); err != nil || !cmp.Equal(found, more) {
			t.Errorf("%q has the secrets %v, and at a closer look %v (%v)", doc, found, more, err)
		}
		if !json.Valid(kept) {
			t.Fatalf("%q is kept as %q", doc, kept)
		}
		again, secrets, err := typ.Redact(nil, kept)
		if err != nil || !bytes.Equal(kept, again) {
			t.Errorf("%q\nis kept as      %s\nand once more   %s (%v)", doc, kept, again, err)
		}
		for _, s := range secrets {
			if s.State == contract.SecretWithheld || s.State == contract.SecretDropped {
				t.Errorf("%q is kept as %s, which holds a secret at %s", doc, kept, s.Pointer)
			}
		}
		form, err := typ.Normalize(nil, doc)
		if err != nil {
			return
		}
		if of, err := typ.Normalize(nil, kept); err != nil || !bytes.Equal(form, of) {
			t.Errorf("%q has the form\n%s, as kept\n%s (%v)", doc, form, of, err)
		}
	})
}

func quote(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
