package contract_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

func TestRedact(t *testing.T) {
	for _, tt := range []struct {
		name, kind, doc, want string
		secrets               []contract.Secret
	}{
		{
			"nothing to hide is kept byte by byte", "deviceCategory",
			` { "displayName" : "\u00e9", "n":1.0,"a":[ 1,{} ,[]], "o":{ "x" :null} } `,
			`{"displayName":"\u00e9","n":1.0,"a":[1,{},[]],"o":{"x":null}}`, nil,
		},
		{
			"tokens of enrolment", "androidDeviceOwnerEnrollmentProfile",
			`{"tokenValue":"live","id":"1","qrCodeContent":"{}","qrCodeImage":{"type":"png","value":"x"},"wifiPassword":"pw"}`,
			`{"id":"1","wifiPassword":"****"}`,
			[]contract.Secret{
				{Pointer: "/tokenValue", State: contract.SecretDropped},
				{Pointer: "/qrCodeContent", State: contract.SecretDropped},
				{Pointer: "/qrCodeImage", State: contract.SecretDropped},
				{Pointer: "/wifiPassword", State: contract.SecretWithheld},
			},
		},
		{
			"no token, no secret", "androidDeviceOwnerEnrollmentProfile",
			`{"tokenValue":null,"wifiPassword":null,"id":"1"}`, `{"wifiPassword":null,"id":"1"}`, nil,
		},
		{
			"codes in an array", "connectors",
			`{"companyCodes":[{"enrollmentToken":"a","name":"x"},{"qrCodeContent":"b"}]}`,
			`{"companyCodes":[{"name":"x"},{}]}`,
			[]contract.Secret{
				{Pointer: "/companyCodes/0/enrollmentToken", State: contract.SecretDropped},
				{Pointer: "/companyCodes/1/qrCodeContent", State: contract.SecretDropped},
			},
		},
		{
			"a password of Wi-Fi", "wifiVpnEmail", `{"preSharedKey":"geheim","ssid":"x"}`, `{"preSharedKey":"****","ssid":"x"}`,
			[]contract.Secret{{Pointer: "/preSharedKey", State: contract.SecretWithheld}},
		},
		{
			"a command line", "comanagementSettings", `{"configurationManagerAgentCommandLineArgument":"/x TOKEN"}`,
			`{"configurationManagerAgentCommandLineArgument":"****"}`,
			[]contract.Secret{{Pointer: "/configurationManagerAgentCommandLineArgument", State: contract.SecretWithheld}},
		},
		{
			"custom settings", "customConfiguration",
			`{"omaSettings":[{"isEncrypted":true,"value":"****"},{"value":"PGEvPg==","isEncrypted":true},{"isEncrypted":true,"value":"clear"},
			  {"isEncrypted":false,"value":"open"},{"isEncrypted":true,"value":5}]}`,
			`{"omaSettings":[{"isEncrypted":true,"value":"****"},{"value":"PGEvPg==","isEncrypted":true},{"isEncrypted":true,"value":"****"},` +
				`{"isEncrypted":false,"value":"open"},{"isEncrypted":true,"value":5}]}`,
			[]contract.Secret{
				{Pointer: "/omaSettings/0/value", State: contract.SecretMasked},
				{Pointer: "/omaSettings/1/value", State: contract.SecretMasked},
				{Pointer: "/omaSettings/2/value", State: contract.SecretWithheld},
			},
		},
		{
			"settings catalog", "configurationPolicy",
			`{"settings":[{"simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","valueState":"encryptedValueToken","value":"token"}},
			  {"simpleSettingValue":{"value":"clear","@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","valueState":"notEncrypted"}},
			  {"simpleSettingValue":{"value":"open","@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue"}}]}`,
			`{"settings":[{"simpleSettingValue":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","valueState":"encryptedValueToken","value":"token"}},` +
				`{"simpleSettingValue":{"value":"****","@odata.type":"#microsoft.graph.deviceManagementConfigurationSecretSettingValue","valueState":"notEncrypted"}},` +
				`{"simpleSettingValue":{"value":"open","@odata.type":"#microsoft.graph.deviceManagementConfigurationStringSettingValue"}}]}`,
			[]contract.Secret{
				{Pointer: "/settings/0/simpleSettingValue/value", State: contract.SecretEncrypted},
				{Pointer: "/settings/1/simpleSettingValue/value", State: contract.SecretWithheld},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, secrets, err := lookup(t, tt.kind).Redact([]byte("head "), []byte(tt.doc))
			if err != nil || string(got) != "head "+tt.want {
				t.Errorf("got  %s, %v\nwant head %s", got, err, tt.want)
			}
			if diff := cmp.Diff(tt.secrets, secrets); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRedactRefuses(t *testing.T) {
	for _, doc := range []string{"", "{", "[]", "null", `"x"`, `{"a":1}}`} {
		got, secrets, err := lookup(t, "deviceCategory").Redact([]byte("head"), []byte(doc))
		if err == nil || string(got) != "head" || secrets != nil {
			t.Errorf("Redact(%q) = %s, %v, %v; want the given text and an error", doc, got, secrets, err)
		}
	}
}
