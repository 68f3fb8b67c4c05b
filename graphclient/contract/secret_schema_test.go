package contract_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// smells finds more names than the rule takes for secrets, on purpose: what it
// finds has to be redacted, or to be here with the reason why not.
var smells = regexp.MustCompile(`(?i)secret|passw|passc|passphrase|passkey|pin$|pin[A-Z]|key|token|credential|pfx|blob|psk|` +
	`recovery|licen[sc]e|challenge|code$|qr|private|auth|signature|commandline|certificate$`)

// innocent are the texts that are no secrets, by name.
var innocent = map[string]string{
	"activeDirectorySiteCode": "a place", "languageCode": "a language", "defaultLanguageCode": "a language",
	"versionCode": "a version", "productCode": "an installer's id", "upgradeCode": "an installer's id",
	"productKey": "in an app: its id in the store",

	"key": "names the value beside it", "appConfigKey": "names the value beside it", "keyPath": "a place in the registry",
	"appConfigKeyValue": "a secret if its key names one", "enabledSkipKeys": "screens of a set-up",

	"certificate": "public, or what a certificate is encrypted to", "trustedRootCertificate": "public",
	"fileVaultInstitutionalRecoveryKeyCertificate": "public", "fileVaultInstitutionalRecoveryKeyCertificateFileName": "a name",
	"certificationAuthority": "an address", "certificationAuthorityName": "a name",

	"authenticationPreferredAzureADTenantDomainName": "a name", "enterpriseCloudPrintOAuthAuthority": "an address",
	"enterpriseCloudPrintOAuthClientIdentifier": "an id", "derivedCredentialUrl": "an address", "passwordChangeUrl": "an address",
	"prebootRecoveryUrl": "an address", "credentialBundleIdAccessControlList": "apps that may ask", "modeCredentialUsed": "a way to sign in",
	"safariPasswordAutoFillDomains": "sites", "localUserAuthorizations": "users", "customAuthenticationFactors": "names of controls",
	"includeAuthenticationContextClassReferences": "ids", "privateLinkResourcePolicyIds": "ids", "companyPortalVppTokenId": "an id",
	"vppTokenId": "an id", "vppTokenAppleId": "an account", "vppTokenDisplayName": "a name", "vppTokenOrganizationName": "a name",
	"secretReferenceValueId": "opens nothing without a permission to write",

	"passwordRequirementsDescription": "shown to users", "prebootRecoveryMessage": "shown to users",
	"fileVaultPersonalRecoveryKeyHelpMessage": "shown to users",

	"commandLine": "free text", "installCommandLine": "free text", "uninstallCommandLine": "free text",
}

// TestSchemaSecrets walks every type that a document of the registry can hold, at
// any depth, and puts text into each property: where a secret belongs it must not
// be kept, anything else has to stay.
func TestSchemaSecrets(t *testing.T) {
	s := readSchema(t)
	redacted, plain := map[string]bool{}, map[string]bool{}
	for _, f := range s.fields() {
		const text = "correct-horse"
		doc := f.document(t, text)
		if !strings.Contains(string(doc), text) {
			kept, secrets, err := f.typ.Redact(nil, doc)
			if err != nil || !bytes.Equal(kept, doc) || len(secrets) > 0 && f.name() != "preSharedKeyIsSet" { // and is not there
				t.Errorf("%s: %s is kept as %s, with the secrets %v, %v", f.typ.Key, doc, kept, secrets, err)
			}
			continue
		}
		kept, secrets, err := f.typ.Redact(nil, doc)
		if err != nil {
			t.Fatal(err)
		}
		gone := !strings.Contains(string(kept), text)
		if gone != (len(secrets) == 1) {
			t.Errorf("%s: %s is kept as %s, with the secrets %v", f.typ.Key, doc, kept, secrets)
		}
		name := f.owner + "." + f.name()
		switch {
		case gone && !f.isText:
			t.Errorf("%s: %s is no text, and is taken for a secret", f.typ.Key, name)
		case gone:
			redacted[name] = true
		case f.isText && smells.MatchString(f.name()):
			if plain[f.name()] = true; innocent[f.name()] == "" {
				t.Errorf("%s: %s smells of a secret, is kept, and nobody has said why", f.typ.Key, name)
			}
		}
	}
	if diff := cmp.Diff(schemaSecrets, slices.Sorted(maps.Keys(redacted))); diff != "" {
		t.Errorf("secrets of the metadata (-want +got):\n%s", diff)
	}
	for name := range innocent {
		if !plain[name] {
			t.Errorf("%s is said to be no secret, and nothing of that name is kept", name)
		}
	}
}

// schemaSecrets are all secrets that Microsoft's metadata has in reach.
var schemaSecrets = []string{
	"androidDeviceOwnerEnrollmentProfile.qrCodeContent",
	"androidDeviceOwnerEnrollmentProfile.tokenValue",
	"androidDeviceOwnerEnrollmentProfile.wifiPassword",
	"androidDeviceOwnerGeneralDeviceConfiguration.kioskModeExitCode",
	"androidDeviceOwnerWiFiConfiguration.preSharedKey",
	"androidEnrollmentCompanyCode.enrollmentToken",
	"androidEnrollmentCompanyCode.qrCodeContent",
	"androidEnterpriseWiFiConfiguration.passwordFormatString",
	"androidEnterpriseWiFiConfiguration.preSharedKey",
	"androidWorkProfileWiFiConfiguration.preSharedKey",
	"aospDeviceOwnerWiFiConfiguration.preSharedKey",
	"depMacOSEnrollmentProfile.adminAccountPassword",
	"deviceComanagementAuthorityConfiguration.configurationManagerAgentCommandLineArgument",
	"deviceManagementConfigurationSecretSettingValue.value",
	"editionUpgradeConfiguration.license",
	"editionUpgradeConfiguration.productKey",
	"iosEnterpriseWiFiConfiguration.passwordFormatString",
	"iosWiFiConfiguration.preSharedKey",
	"iosikEv2VpnConfiguration.sharedSecret",
	"macOSWiFiConfiguration.preSharedKey",
	"mimeContent.type", // of the image of a QR code
	"mimeContent.value",
	"vppToken.token",
	"windows10TeamGeneralConfiguration.azureOperationalInsightsWorkspaceKey",
	"windowsDefenderAdvancedThreatProtectionConfiguration.advancedThreatProtectionOffboardingBlob",
	"windowsDefenderAdvancedThreatProtectionConfiguration.advancedThreatProtectionOnboardingBlob",
	"windowsWifiConfiguration.preSharedKey",
}

// A field is a property in a document of a type of the registry.
type field struct {
	typ    *contract.Type
	path   []schemaStep
	owner  string // the type that declares it
	edm    string // its type
	isText bool   // free text, not one of an enumeration or a time
}

type schemaStep struct {
	name       string
	collection bool
	odata      string // of what it is a property of
}

func (f *field) name() string { return f.path[len(f.path)-1].name }

// document returns one that has nothing but the field.
func (f *field) document(t *testing.T, text string) []byte {
	t.Helper()
	var v any = text
	switch f.edm {
	case "Edm.Boolean":
		v = true
	case "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Double", "Edm.Single", "Edm.Decimal", "Edm.Byte":
		v = 7
	}
	for _, step := range slices.Backward(f.path) {
		if step.collection {
			v = []any{v}
		}
		v = map[string]any{"@odata.type": "#microsoft.graph." + step.odata, step.name: v}
	}
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// fields returns what is in reach of the registry's types, each once for a type of
// the registry.
func (s *schema) fields() []field {
	byPath := map[string]string{"/deviceManagement/settings": "deviceManagementSettings"}
	for _, p := range s.Paths {
		byPath[p.Path] = p.Type
	}
	var out []field
	for typ := range contract.All() {
		w := walk{schema: s, typ: typ, parts: map[string]bool{"assignments": true}, seen: map[string]bool{}}
		w.expects(typ.Read.Query, typ.Read.Children)
		for _, l := range typ.Lists {
			w.expects(l.Query, nil)
		}
		for _, l := range typ.Lists {
			if base, ok := byPath[strings.ReplaceAll(l.Path, "{parent}", "{id}")]; ok {
				w.visit(base, nil)
			}
		}
		out = append(out, w.found...)
	}
	return out
}

// A walk goes through what documents of one type of the registry can hold.
type walk struct {
	*schema
	typ   *contract.Type
	parts map[string]bool // navigations that are read
	seen  map[string]bool
	found []field
}

func (w *walk) expects(query string, children []contract.Child) {
	if _, expand, ok := strings.Cut(query, "$expand="); ok {
		for _, name := range regexp.MustCompile(`\w+`).FindAllString(expand, -1) {
			w.parts[name] = true
		}
	}
	for _, c := range children {
		w.parts[c.Name] = true
		w.expects(c.Query, c.Children)
	}
}

// visit walks a type, what derives from it, and what they inherit.
func (w *walk) visit(base string, path []schemaStep) {
	for _, name := range w.derived(base) {
		for owner := name; w.Types[owner] != nil; owner = w.Types[owner].Base {
			if w.seen[owner] {
				break // and so is what it inherits
			}
			w.seen[owner] = true
			for member, p := range w.Types[owner].Properties {
				w.property(owner, append(slices.Clip(path), schemaStep{member, p.Collection, name}), p.Type)
			}
			for member, p := range w.Types[owner].Nav {
				if w.parts[member] {
					w.visit(strings.TrimPrefix(p.Type, "graph."), append(slices.Clip(path), schemaStep{member, p.Collection, name}))
				}
			}
		}
	}
}

func (w *walk) property(owner string, path []schemaStep, typ string) {
	if name := strings.TrimPrefix(typ, "graph."); w.Types[name] != nil {
		w.visit(name, path)
		return
	}
	isText := typ == "Edm.String" || typ == "Edm.Binary" || typ == "Edm.Stream" || typ == "graph.Json"
	w.found = append(w.found, field{w.typ, path, owner, typ, isText})
}
